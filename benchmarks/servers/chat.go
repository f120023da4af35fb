// A chat server on WebSockets with Go's standard library, in MaChat's text dialect: chat PORT
//
// Each connection has a goroutine. A message is encoded once, and written to each member.
package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
)

type room struct {
	sync.Mutex
	members map[net.Conn]bool
}

var (
	lock  sync.Mutex
	rooms = map[string]*room{}
)

func find(name string) *room {
	lock.Lock()
	defer lock.Unlock()
	found := rooms[name]
	if found == nil {
		found = &room{members: map[net.Conn]bool{}}
		rooms[name] = found
	}
	return found
}

func (room *room) say(frame []byte) {
	room.Lock()
	defer room.Unlock()
	for member := range room.members {
		member.Write(frame)
	}
}

// Reads and unmasks the payload of a frame of less than 64 KiB (RFC 6455 section 5.2).
func read(reader *bufio.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(reader, head[:2]); err != nil {
		return nil, err
	}
	size := int(head[1] & 127)
	if size == 126 {
		if _, err := io.ReadFull(reader, head[:2]); err != nil {
			return nil, err
		}
		size = int(binary.BigEndian.Uint16(head[:2]))
	}
	if _, err := io.ReadFull(reader, head[:]); err != nil {
		return nil, err
	}
	payload := make([]byte, size)
	_, err := io.ReadFull(reader, payload)
	for index := range payload {
		payload[index] ^= head[index&3]
	}
	return payload, err
}

func encode(prefix string, line []byte) []byte {
	size := len(prefix) + len(line) + 1
	frame := make([]byte, 0, size+4)
	if size < 126 {
		frame = append(frame, 0x81, byte(size))
	} else {
		frame = append(frame, 0x81, 126, byte(size>>8), byte(size))
	}
	return append(append(append(frame, prefix...), line...), '\n')
}

func serve(connection net.Conn, reader *bufio.Reader) {
	defer connection.Close()
	first, err := read(reader)
	var hello struct{ Name, Room string }
	if err != nil || json.Unmarshal(first, &hello) != nil {
		return
	}
	joined := find(hello.Room)
	joined.Lock()
	joined.members[connection] = true
	joined.Unlock()
	for line, err := read(reader); err == nil; line, err = read(reader) {
		joined.say(encode(hello.Name+":", line))
	}
	joined.Lock()
	delete(joined.members, connection)
	joined.Unlock()
}

func upgrade(response http.ResponseWriter, request *http.Request) {
	key := request.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	digest := sha1.Sum([]byte(key))
	connection, buffers, err := response.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	io.WriteString(connection, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"+
		"Connection: Upgrade\r\nSec-WebSocket-Accept: "+
		base64.StdEncoding.EncodeToString(digest[:])+"\r\n\r\n")
	go serve(connection, buffers.Reader)
}

func main() {
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[1], http.HandlerFunc(upgrade)))
}
