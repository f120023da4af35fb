/*
 * The kernel's cost of a delivery: only MaChat's batching, in C. All messages that arrive for a room
 * in one turn of epoll are sent to each of its members in one send(). The server speaks the text
 * dialect, trusts its clients, and has no limits.
 *
 * Build: cc -O2 -o floor floor.c    Run: ./floor PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 1024, BUCKETS = 4096, NAME = 64, READ = 65536 };

struct bytes {
    char *data;
    size_t length, capacity;
};

struct room {
    struct room *next; /* in the same bucket */
    struct room *dirty; /* the next room to flush */
    int isDirty;
    char name[NAME];
    struct client **members;
    int count, capacity;
    struct bytes batch;
};

struct client {
    int fd, place; /* the index among the room's members */
    struct room *room;
    char prefix[NAME + 1]; /* the name and a colon */
    size_t prefixLength;
    struct bytes input;  /* an incomplete line */
    struct bytes output; /* bytes that the socket has not accepted */
};

static struct room *buckets[BUCKETS], *dirtyRooms;
static int poller;

static void append(struct bytes *bytes, const char *data, size_t length) {
    if (bytes->length + length > bytes->capacity) {
        bytes->capacity = (bytes->length + length) * 2;
        bytes->data = realloc(bytes->data, bytes->capacity);
    }
    memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
}

static void skip(struct bytes *bytes, size_t length) {
    memmove(bytes->data, bytes->data + length, bytes->length - length);
    bytes->length -= length;
    if (!bytes->length) {
        free(bytes->data);
        memset(bytes, 0, sizeof *bytes);
    }
}

static void watch(struct client *client, int operation, unsigned events) {
    struct epoll_event event = {.events = events, .data.ptr = client};
    epoll_ctl(poller, operation, client->fd, &event);
}

static struct room *findRoom(const char *name) {
    unsigned hash = 5381;
    for (const char *c = name; *c; c++) hash = hash * 33 + (unsigned char)*c;
    struct room **bucket = &buckets[hash % BUCKETS];
    for (struct room *room = *bucket; room; room = room->next)
        if (!strcmp(room->name, name)) return room;
    struct room *room = calloc(1, sizeof *room);
    strcpy(room->name, name);
    room->next = *bucket;
    return *bucket = room;
}

/* Copies the string that follows a key, as in {"name":"Mina"}. */
static void copyField(char *to, const char *hello, const char *key) {
    const char *start = strstr(hello, key);
    *to = 0;
    if (start && (start = strchr(start + strlen(key), '"')))
        snprintf(to, NAME, "%.*s", (int)strcspn(start + 1, "\""), start + 1);
}

static void join(struct client *client, const char *hello) {
    char room[NAME];
    copyField(client->prefix, hello, "\"name\":");
    copyField(room, hello, "\"room\":");
    strcat(client->prefix, ":");
    client->prefixLength = strlen(client->prefix);
    struct room *joined = client->room = findRoom(room);
    if (joined->count == joined->capacity) {
        joined->capacity = joined->capacity * 2 + 4;
        joined->members = realloc(joined->members, joined->capacity * sizeof *joined->members);
    }
    client->place = joined->count;
    joined->members[joined->count++] = client;
}

static void say(struct client *client, const char *line, size_t length) {
    struct room *room = client->room;
    append(&room->batch, client->prefix, client->prefixLength);
    append(&room->batch, line, length);
    if (!room->isDirty) {
        room->isDirty = 1;
        room->dirty = dirtyRooms;
        dirtyRooms = room;
    }
}

static void leave(struct client *client) {
    struct room *room = client->room;
    if (room) {
        struct client *last = room->members[--room->count];
        room->members[last->place = client->place] = last;
    }
    close(client->fd);
    free(client->input.data);
    free(client->output.data);
    free(client);
}

static void hear(struct client *client) {
    static char buffer[READ];
    ssize_t size = recv(client->fd, buffer, READ - 1, 0);
    if (size <= 0) {
        if (size == 0 || errno != EAGAIN) leave(client);
        return;
    }
    append(&client->input, buffer, size);
    char *line = client->input.data, *end = line + client->input.length, *newline;
    while ((newline = memchr(line, '\n', end - line))) {
        if (client->room) {
            say(client, line, newline + 1 - line);
        } else {
            *newline = 0;
            join(client, line);
        }
        line = newline + 1;
    }
    skip(&client->input, line - client->input.data);
}

static void deliver(struct client *client, const struct bytes *batch) {
    ssize_t sent = 0;
    if (!client->output.length) {
        sent = send(client->fd, batch->data, batch->length, MSG_NOSIGNAL);
        if (sent == (ssize_t)batch->length) return;
        if (sent < 0) sent = 0;
        watch(client, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    }
    append(&client->output, batch->data + sent, batch->length - sent);
}

static void drain(struct client *client) {
    ssize_t sent = send(client->fd, client->output.data, client->output.length, MSG_NOSIGNAL);
    if (sent > 0) skip(&client->output, sent);
    if (!client->output.length) watch(client, EPOLL_CTL_MOD, EPOLLIN);
}

static void flush(void) {
    for (struct room *room = dirtyRooms; room; room = room->dirty) {
        for (int i = 0; i < room->count; i++) deliver(room->members[i], &room->batch);
        room->batch.length = 0;
        room->isDirty = 0;
    }
    dirtyRooms = NULL;
}

static void admit(int listener) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct client *client = calloc(1, sizeof *client);
        client->fd = fd;
        watch(client, EPOLL_CTL_ADD, EPOLLIN);
    }
}

int main(int count, char **arguments) {
    if (count != 2) return 2;
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 4096)) return 1;
    poller = epoll_create1(0);
    struct epoll_event ready[EVENTS], event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int found = epoll_wait(poller, ready, EVENTS, -1);
        for (int i = 0; i < found; i++) {
            struct client *client = ready[i].data.ptr;
            if (!client) {
                admit(listener);
                continue;
            }
            if (ready[i].events & EPOLLOUT) drain(client);
            if (ready[i].events & ~EPOLLOUT) hear(client);
        }
        flush();
    }
}
