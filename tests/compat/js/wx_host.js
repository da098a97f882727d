'use strict'
// The part of the mini-program host that the SDKs' `miniprogram_dist` builds use. Only documented methods: no PATCH.

const fs = require('node:fs')
const path = require('node:path')
const os = require('node:os')

const METHODS = ['OPTIONS', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'TRACE', 'CONNECT']
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'wx-host-'))
const storage = new Map()
const strict = { methods: true }
const names = new Map()

/** An address with the host's name resolved, where the test says what a name means. */
function resolved(address) {
  const url = new URL(address)
  return names.has(url.hostname) ? new URL(url.pathname + url.search, names.get(url.hostname)) : url
}

const ended = (options, work) => {
  const done = (name, value) => { for (const call of [options[name], options.complete]) if (call) call(value) }
  Promise.resolve().then(work).then((value) => done('success', value), (error) => done('fail', { errMsg: String(error.message || error) }))
}

function payload(data, header) {
  if (data === undefined || data === null) return undefined
  if (typeof data === 'string' || data instanceof ArrayBuffer || ArrayBuffer.isView(data)) return data
  const type = Object.entries(header).find(([name]) => name.toLowerCase() === 'content-type')
  if (type && /urlencoded/.test(type[1])) return new URLSearchParams(data).toString()
  return JSON.stringify(data)
}

const parsed = (text) => { try { return JSON.parse(text) } catch { return text } }

function request(options) {
  const method = (options.method || 'GET').toUpperCase()
  const listeners = {}
  ended(options, async () => {
    if (strict.methods && !METHODS.includes(method)) throw new Error(`request:fail method ${method} is not supported`)
    const header = { 'content-type': 'application/json', ...(options.header || {}) }
    const url = resolved(options.url)
    const isBare = method === 'GET' || method === 'HEAD'
    if (isBare && options.data && typeof options.data === 'object') {
      for (const [name, value] of Object.entries(options.data)) url.searchParams.set(name, value)
    }
    const response = await fetch(url, { method, headers: header, body: isBare ? undefined : payload(options.data, header) })
    const bytes = Buffer.from(await response.arrayBuffer())
    const received = { statusCode: response.status, header: Object.fromEntries(response.headers), cookies: [] }
    if (listeners.headers) listeners.headers(received)
    if (options.enableChunked && listeners.chunk && bytes.length) listeners.chunk({ data: new Uint8Array(bytes).buffer })
    const data = options.responseType === 'arraybuffer' ? new Uint8Array(bytes).buffer : parsed(bytes.toString('utf8'))
    return { data, ...received, errMsg: 'request:ok' }
  })
  return {
    abort() {},
    onHeadersReceived: (call) => { listeners.headers = call },
    offHeadersReceived: () => { delete listeners.headers },
    onChunkReceived: (call) => { listeners.chunk = call },
    offChunkReceived: () => { delete listeners.chunk },
  }
}

function uploadFile(options) {
  ended(options, async () => {
    const form = new FormData()
    for (const [name, value] of Object.entries(options.formData || {})) form.append(name, String(value))
    form.append(options.name, new Blob([fs.readFileSync(options.filePath)]), path.basename(options.filePath))
    const header = Object.fromEntries(Object.entries(options.header || {}).filter(([name]) => name.toLowerCase() !== 'content-type'))
    const response = await fetch(resolved(options.url), { method: 'POST', headers: header, body: form })
    return { data: await response.text(), statusCode: response.status, errMsg: 'uploadFile:ok' }
  })
  return { abort() {}, onProgressUpdate() {}, offProgressUpdate() {}, onHeadersReceived() {} }
}

function downloadFile(options) {
  ended(options, async () => {
    const response = await fetch(encodeURI(decodeURI(options.url)), { headers: options.header || {} })
    const tempFilePath = path.join(scratch, `down-${Math.random().toString(16).slice(2)}`)
    fs.writeFileSync(tempFilePath, Buffer.from(await response.arrayBuffer()))
    return { tempFilePath, statusCode: response.status, errMsg: 'downloadFile:ok' }
  })
  return { abort() {}, onProgressUpdate() {}, offProgressUpdate() {} }
}

function connectSocket(options) {
  const WebSocket = require('ws')
  const socket = new WebSocket(options.url)
  const task = {
    send: ({ data, success, fail }) => socket.send(data, (error) => (error ? fail && fail(error) : success && success({}))),
    close: ({ code, reason } = {}) => socket.close(code, reason),
    onOpen: (call) => socket.on('open', () => call({ header: {} })),
    onMessage: (call) => socket.on('message', (data) => call({ data: data.toString() })),
    onClose: (call) => socket.on('close', (code, reason) => call({ code, reason: reason.toString() })),
    onError: (call) => socket.on('error', (error) => call({ errMsg: error.message })),
    get readyState() { return socket.readyState },
    CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3,
  }
  if (options.success) setTimeout(() => options.success({ errMsg: 'connectSocket:ok' }), 0)
  return task
}

const system = { platform: 'devtools', model: 'stand-in', SDKVersion: '3.8.0', version: '8.0.0', language: 'zh_CN', system: 'stand-in' }

const wx = {
  request,
  uploadFile,
  downloadFile,
  connectSocket,
  login: (options) => ended(options, () => ({ code: 'device-of-the-test', errMsg: 'login:ok' })),
  getStorageSync: (key) => (storage.has(key) ? storage.get(key) : ''),
  setStorageSync: (key, value) => { storage.set(key, value) },
  removeStorageSync: (key) => { storage.delete(key) },
  clearStorageSync: () => storage.clear(),
  getAccountInfoSync: () => ({ miniProgram: { appId: 'wx0123456789abcdef', envVersion: 'develop', version: '' } }),
  getSystemInfoSync: () => system,
  getDeviceInfo: () => ({ platform: system.platform, model: system.model, system: system.system, brand: system.platform }),
  getAppBaseInfo: () => ({ SDKVersion: system.SDKVersion, version: system.version, language: system.language }),
  getSystemInfo: (options) => ended(options, () => system),
  getFileSystemManager: () => ({
    readFileSync: (filePath, encoding) => {
      const bytes = fs.readFileSync(filePath)
      return encoding ? bytes.toString(encoding) : new Uint8Array(bytes).buffer
    },
    readFile: ({ filePath, encoding, ...options }) => ended(options, () => {
      const bytes = fs.readFileSync(filePath)
      return { data: encoding ? bytes.toString(encoding) : new Uint8Array(bytes).buffer, errMsg: 'readFile:ok' }
    }),
  }),
  onAppShow() {}, onAppHide() {}, offAppShow() {}, offAppHide() {},
  getRendererUserAgent: (options) => ended(options || {}, () => ({ userAgent: 'stand-in' })),
}

/** A file of the mini program with this content; its path is what SDKs are given. */
function temporaryFile(text) {
  const file = path.join(scratch, `up-${Math.random().toString(16).slice(2)}.txt`)
  fs.writeFileSync(file, text)
  return file
}

/** Puts the host in place. `hosts` says where names lead: `{ 'api.example': 'http://127.0.0.1:7800' }`. */
function install({ methods = true, hosts = {} } = {}) {
  strict.methods = methods
  for (const [name, origin] of Object.entries(hosts)) names.set(name, origin)
  globalThis.wx = wx
  globalThis.getCurrentPages = () => []
  for (const name of ['App', 'Page', 'Component', 'getApp']) globalThis[name] = () => undefined
}

module.exports = { install, temporaryFile }
