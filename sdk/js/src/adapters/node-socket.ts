/** A WebSocket of text messages (RFC 6455) for versions of Node.js that have none of their own. */

import { Socket } from '../host'
import { globalObject } from '../objects'

declare function require(name: string): any

const TEXT = 1
const CLOSE = 8
const PING = 9
const PONG = 10

export class NodeSocket implements Socket {
  onOpen: () => void = () => undefined
  onMessage: (text: string) => void = () => undefined
  onClose: (reason: string) => void = () => undefined
  private stream: any = null
  private waiting: any = globalObject().Buffer.alloc(0)
  private parts: any[] = []
  private ended = false

  constructor(url: string) {
    const library = require(url.indexOf('wss:') === 0 ? 'https' : 'http')
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': require('crypto').randomBytes(16).toString('base64'),
    }
    const request = library.request(url.replace(/^ws/, 'http'), { headers })
    request.on('error', (error: any) => this.end(error.message))
    request.on('response', (answer: any) => this.end('HTTP ' + answer.statusCode))
    request.on('upgrade', (_: any, stream: any, head: any) => this.begin(stream, head))
    request.end()
  }

  send(text: string): void {
    this.write(TEXT, globalObject().Buffer.from(text))
  }

  close(code: number, reason: string): void {
    const body = globalObject().Buffer.from('  ' + reason)
    body.writeUInt16BE(code, 0)
    this.write(CLOSE, body)
    if (this.stream) this.stream.end()
    this.end(reason)
  }

  private begin(stream: any, head: any): void {
    if (this.ended) {
      stream.destroy()
      return
    }
    this.stream = stream
    stream.on('data', (chunk: any) => this.read(chunk))
    stream.on('error', (error: any) => this.end(error.message))
    stream.on('close', () => this.end('closed'))
    this.onOpen()
    if (head.length) this.read(head)
  }

  private end(reason: string): void {
    if (this.ended) return
    this.ended = true
    this.onClose(reason)
  }

  private write(kind: number, body: any): void {
    if (!this.stream || this.ended) return
    const Buffer = globalObject().Buffer
    const mask = require('crypto').randomBytes(4)
    const masked = Buffer.from(body)
    for (let index = 0; index < masked.length; index++) masked[index] ^= mask[index % 4]
    this.stream.write(Buffer.concat([header(Buffer, kind, body.length), mask, masked]))
  }

  private read(chunk: any): void {
    this.waiting = globalObject().Buffer.concat([this.waiting, chunk])
    for (let frame = this.frame(); frame; frame = this.frame()) this.take(frame)
  }

  private frame(): { last: boolean; kind: number; body: any } | null {
    const bytes = this.waiting
    if (bytes.length < 2) return null
    let length = bytes[1] & 127
    let start = 2
    if (length === 126) {
      if (bytes.length < 4) return null
      length = bytes.readUInt16BE(2)
      start = 4
    } else if (length === 127) {
      if (bytes.length < 10) return null
      length = bytes.readUInt32BE(2) * 4294967296 + bytes.readUInt32BE(6)
      start = 10
    }
    if (bytes.length < start + length) return null
    this.waiting = bytes.subarray(start + length)
    return { last: bytes[0] > 127, kind: bytes[0] & 15, body: bytes.subarray(start, start + length) }
  }

  private take(frame: { last: boolean; kind: number; body: any }): void {
    if (frame.kind === PING) return this.write(PONG, frame.body)
    if (frame.kind === CLOSE) {
      if (this.stream) this.stream.end()
      return this.end(frame.body.subarray(2).toString('utf8') || 'closed')
    }
    if (frame.kind === PONG) return
    this.parts.push(frame.body)
    if (!frame.last) return
    const text = globalObject().Buffer.concat(this.parts).toString('utf8')
    this.parts = []
    this.onMessage(text)
  }
}

function header(Buffer: any, kind: number, length: number): any {
  const start = 128 | kind
  if (length < 126) return Buffer.from([start, 128 | length])
  const long = length > 65535
  const bytes = Buffer.alloc(long ? 10 : 4)
  bytes[0] = start
  bytes[1] = 128 | (long ? 127 : 126)
  if (long) bytes.writeUInt32BE(length, 6)
  else bytes.writeUInt16BE(length, 2)
  return bytes
}
