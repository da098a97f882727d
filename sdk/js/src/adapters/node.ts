/** Node.js. Files are paths or Buffers; downloads become files in the temporary directory. */

import { Host, KeyValueStore, Socket, Transfer } from '../host'
import { globalObject } from '../objects'
import { webSocket } from './browser'
import { NodeSocket } from './node-socket'

declare function require(name: string): any
declare const process: any

const CHUNK = 64 * 1024

export function nodeHost(): Host {
  return {
    name: 'node',
    runtime: 'node',
    post: (url, body, headers, timeout) =>
      exchange('POST', url, bytesOf(body), { headers, timeout }).then((answer) => ({
        status: answer.statusCode,
        body: answer.content.toString('utf8'),
      })),
    upload: (upload, transfer) => {
      const content = typeof upload.file === 'string' ? require('fs').readFileSync(upload.file) : bytesOf(upload.file)
      const headers = { ...upload.headers, 'content-type': 'application/octet-stream' }
      return exchange('POST', upload.url, content, { headers, transfer, sends: true }).then((answer) => answer.statusCode)
    },
    download: (url, transfer) =>
      exchange('GET', url, null, { headers: {}, transfer }).then((answer) => {
        const path = temporaryPath(url)
        require('fs').writeFileSync(path, answer.content)
        return { status: answer.statusCode, path }
      }),
    store: (content) => Promise.resolve(bytesOf(content)),
    connect,
    storage: memory(),
    settings: () => ({ endpoint: process.env.YUNBOX_ENDPOINT, env: process.env.YUNBOX_SPACE }),
  }
}

interface Options {
  headers: { [name: string]: string }
  timeout?: number
  transfer?: Transfer
  sends?: boolean
}

function exchange(method: string, url: string, body: any, options: Options): Promise<any> {
  return new Promise((resolve, reject) => {
    const headers: any = { ...options.headers }
    if (body) headers['content-length'] = body.length
    const library = require(url.indexOf('https:') === 0 ? 'https' : 'http')
    const request = library.request(url, { method, headers }, (answer: any) => {
      if (options.transfer) options.transfer.headers(answer.headers)
      receive(answer, options, resolve, reject)
    })
    request.on('error', reject)
    if (options.timeout) request.setTimeout(options.timeout, () => request.destroy(new Error('request:fail timeout')))
    if (options.transfer) options.transfer.onAbort(() => request.destroy(new Error('abort')))
    write(request, body, options.sends ? options.transfer : undefined)
  })
}

function receive(answer: any, options: Options, resolve: (answer: any) => void, reject: (reason: any) => void): void {
  const chunks: any[] = []
  let done = 0
  const total = Number(answer.headers['content-length'] || 0)
  answer.on('data', (chunk: any) => {
    chunks.push(chunk)
    done += chunk.length
    if (options.transfer && !options.sends) options.transfer.report({ progress: percent(done, total), done, total })
  })
  answer.on('error', reject)
  answer.on('end', () => {
    answer.content = globalObject().Buffer.concat(chunks)
    resolve(answer)
  })
}

function write(request: any, body: any, transfer: Transfer | undefined): void {
  if (!body || !transfer) {
    request.end(body || undefined)
    return
  }
  let sent = 0
  const next = () => {
    if (sent >= body.length) {
      request.end()
      return
    }
    const end = Math.min(sent + CHUNK, body.length)
    request.write(body.subarray(sent, end), () => {
      sent = end
      transfer.report({ progress: percent(sent, body.length), done: sent, total: body.length })
      next()
    })
  }
  next()
}

function percent(done: number, total: number): number {
  return total ? Math.round((done * 100) / total) : 0
}

function bytesOf(content: any): any {
  const Buffer = globalObject().Buffer
  return Buffer.isBuffer(content) ? content : Buffer.from(content)
}

function temporaryPath(url: string): string {
  const path = require('path')
  const directory = require('fs').mkdtempSync(path.join(require('os').tmpdir(), 'yunbox-'))
  const ending = path.extname(url.split('?')[0]).replace(/[^.\w]/g, '')
  return path.join(directory, 'file' + ending)
}

function connect(url: string): Socket {
  const WebSocket = globalObject().WebSocket
  return WebSocket ? webSocket(WebSocket, url) : new NodeSocket(url)
}

function memory(): KeyValueStore {
  const values: { [key: string]: string } = {}
  return {
    get: (key) => (key in values ? values[key] : null),
    set: (key, value) => {
      values[key] = value
    },
    remove: (key) => {
      delete values[key]
    },
  }
}
