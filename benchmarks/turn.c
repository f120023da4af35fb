/*
 * The reading half of a turn of the load; see compiled.py. It waits, reads each ready socket once,
 * acknowledges immediately, and counts the marks for each room. It stops at the first socket that
 * needs other processing; epoll reports the remaining sockets again in the next turn.
 *
 * Build: cc -O2 -shared -fPIC -o turn.so turn.c
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

enum { EVENTS = 1024, DIGITS = 17 };

/* The same fields, in the same order, as compiled.State. */
struct state {
    int32_t poller;
    int32_t every;      /* one of this many reads is sampled; 0: none */
    int32_t mark;       /* the byte that marks a delivery */
    int32_t question;   /* the byte at which to stop, or -1 */
    int32_t *rooms;     /* the room of each file descriptor */
    int64_t *found;     /* deliveries in each room, accumulated */
    int32_t *touched;   /* the rooms with deliveries in this turn */
    int64_t touchedCount;
    int64_t *latencies;
    int64_t latencyCount, latencyCapacity;
    char *buffer;
    int64_t capacity;
    int64_t reads, delivered, bytes; /* accumulated */
    int64_t events, size; /* of the socket at which it stopped; 0 bytes: closed, -1: not read */
};

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void measure(struct state *state, const char *stamp, const char *end, int64_t at) {
    int64_t sent = 0;
    if (end - stamp <= DIGITS || state->latencyCount == state->latencyCapacity) return;
    for (int i = 1; i <= DIGITS; i++) {
        if (!isxdigit((unsigned char)stamp[i])) return; /* a mark without a stamp */
        sent = sent << 4 | (stamp[i] <= '9' ? stamp[i] - '0' : stamp[i] - 'a' + 10);
    }
    state->latencies[state->latencyCount++] = at - sent;
}

static void count(struct state *state, int room) {
    const char *place = state->buffer, *end = place + state->size;
    int64_t found = 0, at = 0;
    while ((place = memchr(place, state->mark, end - place))) {
        if (!found++ && state->every && (state->reads + 1) % state->every == 0) at = now();
        if (at) measure(state, place, end, at);
        place++;
    }
    if (!found) return;
    if (!state->found[room]) state->touched[state->touchedCount++] = room;
    state->found[room] += found;
    state->delivered += found;
    state->reads++;
}

/* Returns the file descriptor at which it stopped, or -1. */
int turn(struct state *state, int milliseconds) {
    struct epoll_event ready[EVENTS];
    int on = 1, ended = epoll_wait(state->poller, ready, EVENTS, milliseconds);
    state->touchedCount = state->latencyCount = 0;
    for (int i = 0; i < ended; i++) {
        int fd = ready[i].data.fd;
        state->events = ready[i].events;
        state->size = -1;
        if (ready[i].events != EPOLLIN) return fd;
        ssize_t size = recv(fd, state->buffer, state->capacity, 0);
        if (size < 0 && errno == EAGAIN) continue;
        state->size = size < 0 ? 0 : size;
        if (size <= 0) return fd;
        setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
        state->bytes += size;
        count(state, state->rooms[fd]);
        if (state->question >= 0 && memchr(state->buffer, state->question, size)) return fd;
    }
    return -1;
}
