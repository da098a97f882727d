/** Browsers. Files are `File` or `Blob` objects, or `blob:` and `data:` addresses; downloads become `blob:` addresses. */

import { Host, KeyValueStore, Socket, Transfer } from '../host'

export function browserHost(window: any): Host {
  return {
    name: 'browser',
    runtime: 'web',
    post: (url, body, headers, timeout) =>
      send(window, 'POST', url, body, { headers, timeout }).then((done) => ({ status: done.status, body: done.responseText })),
    upload: (upload, transfer) =>
      asBlob(window, upload.file).then((blob) => {
        const form = new window.FormData()
        Object.keys(upload.fields).forEach((name) => form.append(name, upload.fields[name]))
        form.append('file', blob)
        return send(window, 'POST', upload.url, form, { transfer, sends: true }).then((done) => done.status)
      }),
    download: (url, transfer) =>
      send(window, 'GET', url, null, { transfer, type: 'blob' }).then((done) => ({
        status: done.status,
        path: window.URL.createObjectURL(done.response),
      })),
    store: (content) => Promise.resolve(new window.Blob([content])),
    connect: (url) => webSocket(window.WebSocket, url),
    storage: storageOf(window),
    settings: () => ({}),
  }
}

interface Options {
  headers?: { [name: string]: string }
  timeout?: number
  transfer?: Transfer
  sends?: boolean
  type?: string
}

function send(window: any, method: string, url: string, body: any, options: Options): Promise<any> {
  return new Promise((resolve, reject) => {
    const request = new window.XMLHttpRequest()
    request.open(method, url, true)
    const headers = options.headers || {}
    Object.keys(headers).forEach((name) => request.setRequestHeader(name, headers[name]))
    if (options.timeout) request.timeout = options.timeout
    if (options.type) request.responseType = options.type
    request.onload = () => resolve(request)
    request.onerror = () => reject(new Error('request:fail'))
    request.ontimeout = () => reject(new Error('request:fail timeout'))
    if (options.transfer) follow(request, options.transfer, !!options.sends)
    request.send(body)
  })
}

function follow(request: any, transfer: Transfer, sends: boolean): void {
  const source = sends ? request.upload : request
  source.onprogress = (event: any) => {
    const total = event.lengthComputable ? event.total : 0
    transfer.report({ progress: total ? Math.round((event.loaded * 100) / total) : 0, done: event.loaded, total })
  }
  transfer.onAbort(() => request.abort())
}

function asBlob(window: any, file: any): Promise<any> {
  if (typeof file !== 'string') return Promise.resolve(file)
  return send(window, 'GET', file, null, { type: 'blob' }).then((done) => done.response)
}

/** A socket of the kind that browsers and newer versions of Node.js have. */
export function webSocket(WebSocket: any, url: string): Socket {
  const opened = new WebSocket(url)
  const socket: Socket = {
    send: (text) => opened.send(text),
    close: (code, reason) => opened.close(code, reason),
    onOpen: () => undefined,
    onMessage: () => undefined,
    onClose: () => undefined,
  }
  opened.onopen = () => socket.onOpen()
  opened.onmessage = (event: any) => socket.onMessage(String(event.data))
  opened.onclose = (event: any) => socket.onClose(String(event.reason || 'closed'))
  return socket
}

function storageOf(window: any): KeyValueStore {
  return {
    get: (key) => window.localStorage.getItem(key),
    set: (key, value) => window.localStorage.setItem(key, value),
    remove: (key) => window.localStorage.removeItem(key),
  }
}
