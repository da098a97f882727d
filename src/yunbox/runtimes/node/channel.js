'use strict'
// Frames to and from the host on one descriptor: u32 big-endian length, then JSON.

const net = require('node:net')

class Channel {
  constructor (descriptor, onMessage) {
    this.onMessage = onMessage
    this.chunks = []
    this.size = 0
    this.socket = new net.Socket({ fd: descriptor, readable: true, writable: true, allowHalfOpen: false })
    this.socket.on('data', chunk => this.receive(chunk))
    this.socket.on('error', () => process.kill(process.pid, 'SIGKILL'))
    this.socket.on('close', () => process.kill(process.pid, 'SIGKILL'))
  }

  receive (chunk) {
    this.chunks.push(chunk)
    this.size += chunk.length
    while (this.size >= 4) {
      if (this.chunks[0].length < 4) this.join()
      const end = 4 + this.chunks[0].readUInt32BE(0)
      if (this.size < end) return
      if (this.chunks[0].length < end) this.join()
      const buffer = this.chunks[0]
      const message = buffer.toString('utf8', 4, end)
      if (buffer.length === end) this.chunks.shift()
      else this.chunks[0] = buffer.subarray(end)
      this.size -= end
      this.onMessage(JSON.parse(message))
    }
  }

  join () {
    this.chunks = [Buffer.concat(this.chunks)]
  }

  // `text` is the JSON of one message.
  send (text) {
    const length = Buffer.byteLength(text)
    const frame = Buffer.allocUnsafe(4 + length)
    frame.writeUInt32BE(length, 0)
    frame.write(text, 4)
    this.socket.write(frame)
  }
}

module.exports = { Channel }
