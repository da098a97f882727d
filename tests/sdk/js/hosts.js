'use strict'
// Stand-ins for the mini-program hosts: only what their documentation lists, in a realm without anything of Node.js.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const vm = require('node:vm')
const WebSocket = require('../../compat/node_modules/ws')

const PACKAGE = path.join(__dirname, '..', '..', '..', 'sdk', 'js', 'miniprogram_dist')
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'host-'))
const CALLBACKS = ['success', 'fail', 'complete']
let files = 0

const newFile = (content) => {
  const file = path.join(scratch, `file-${(files += 1)}.txt`)
  fs.writeFileSync(file, content)
  return file
}

/** Runs `work`, after checking that the call's options are documented. */
function ended(name, allowed, options, work, failed) {
  for (const key of Object.keys(options)) {
    if (!allowed.includes(key) && !CALLBACKS.includes(key)) throw new Error(`${name} has no option ${key}`)
  }
  const tell = (which, value) => { for (const call of [options[which], options.complete]) if (call) call(value) }
  Promise.resolve().then(work).then((value) => tell('success', value), (error) => tell('fail', failed(error)))
}

async function http(method, url, headers, data, signal) {
  if (data !== undefined && typeof data !== 'string') throw new Error('this stand-in takes JSON text only')
  const response = await fetch(url, { method, headers, body: method === 'GET' ? undefined : data, signal })
  return { status: response.status, headers: Object.fromEntries(response.headers), text: await response.text() }
}

async function sendForm(url, headers, name, filePath, fields, signal) {
  const form = new FormData()
  for (const [key, value] of Object.entries(fields)) form.append(key, String(value))
  form.append(name, new Blob([fs.readFileSync(filePath)]), path.basename(filePath))
  const response = await fetch(url, { method: 'POST', headers, body: form, signal })
  return { data: await response.text(), statusCode: response.status, header: Object.fromEntries(response.headers) }
}

async function fetchFile(url, signal) {
  const response = await fetch(url, { signal })
  return { file: newFile(Buffer.from(await response.arrayBuffer())), status: response.status }
}

function transferTask(total) {
  const aborting = new AbortController()
  const listeners = []
  const task = {
    abort: () => aborting.abort(),
    onProgressUpdate: (call) => listeners.push(call),
    offProgressUpdate: () => listeners.splice(0),
    onHeadersReceived() {},
    offHeadersReceived() {},
  }
  return { task, signal: aborting.signal, done: () => listeners.forEach((call) => call(total)) }
}

const UPLOADED = { progress: 100, totalBytesSent: 9, totalBytesExpectedToSend: 9 }
const DOWNLOADED = { progress: 100, totalBytesWritten: 9, totalBytesExpectedToWrite: 9 }

function socketTask(url, messageOf) {
  const socket = new WebSocket(url)
  return {
    send: ({ data }) => socket.send(data),
    close: ({ code, reason } = {}) => socket.close(code, reason),
    onOpen: (call) => socket.on('open', () => call({})),
    onMessage: (call) => socket.on('message', (data) => call(messageOf(data.toString()))),
    onClose: (call) => socket.on('close', (code, reason) => call({ code, reason: reason.toString() })),
    onError: (call) => socket.on('error', (error) => call({ errMsg: error.message })),
  }
}

/** The hosts without socket tasks: one socket, and listeners for all. */
function globalSocket(host, messageOf) {
  let socket
  const listeners = { Open: [], Message: [], Close: [], Error: [] }
  const tell = (name, event) => listeners[name].slice().forEach((call) => call(event))
  for (const name of Object.keys(listeners)) {
    host[`onSocket${name}`] = (call) => listeners[name].push(call)
    host[`offSocket${name}`] = (call) => { listeners[name] = listeners[name].filter((one) => one !== call) }
  }
  host.connectSocket = ({ url }) => {
    socket = new WebSocket(url)
    socket.on('open', () => tell('Open', {}))
    socket.on('message', (data) => tell('Message', messageOf(data.toString())))
    socket.on('close', () => tell('Close', {}))
    socket.on('error', (error) => tell('Error', { errorMessage: error.message }))
  }
  host.sendSocketMessage = ({ data }) => socket.send(data)
  host.closeSocket = () => socket.close()
}

function makeWx(user) {
  const failed = (name) => (error) => ({ errMsg: `${name}:fail ${error.message}` })
  const storage = new Map()
  return {
    request: (options) => {
      const allowed = ['url', 'data', 'header', 'timeout', 'method', 'dataType', 'responseType']
      ended('request', allowed, options, async () => {
        const { status, headers, text } = await http(options.method, options.url, options.header, options.data)
        return { data: JSON.parse(text), statusCode: status, header: headers, cookies: [], errMsg: 'request:ok' }
      }, failed('request'))
      return { abort() {} }
    },
    uploadFile: (options) => {
      const { task, signal, done } = transferTask(UPLOADED)
      ended('uploadFile', ['url', 'filePath', 'name', 'header', 'formData', 'timeout'], options, async () => {
        const answer = await sendForm(options.url, options.header, options.name, options.filePath, options.formData, signal)
        done()
        return { ...answer, errMsg: 'uploadFile:ok' }
      }, failed('uploadFile'))
      return task
    },
    downloadFile: (options) => {
      const { task, signal, done } = transferTask(DOWNLOADED)
      ended('downloadFile', ['url', 'header', 'timeout', 'filePath'], options, async () => {
        const { file, status } = await fetchFile(options.url, signal)
        done()
        return { tempFilePath: file, statusCode: status, errMsg: 'downloadFile:ok' }
      }, failed('downloadFile'))
      return task
    },
    connectSocket: ({ url }) => socketTask(url, (data) => ({ data })),
    login: (options) => ended('login', ['timeout'], options, () => ({ code: user, errMsg: 'login:ok' }), failed('login')),
    getStorageSync: (key) => (storage.has(key) ? storage.get(key) : ''),
    setStorageSync: (key, value) => { storage.set(key, value) },
    removeStorageSync: (key) => { storage.delete(key) },
    getAccountInfoSync: () => ({ miniProgram: { appId: 'wx0123456789abcdef', envVersion: 'develop', version: '' } }),
    getExtConfigSync: () => ({}),
    getFileSystemManager: () => ({
      writeFile: (options) => ended('writeFile', ['filePath', 'data', 'encoding'], options, () => {
        fs.writeFileSync(options.filePath, typeof options.data === 'string' ? options.data : Buffer.from(options.data))
        return { errMsg: 'writeFile:ok' }
      }, failed('writeFile')),
    }),
    env: { USER_DATA_PATH: scratch },
    showToast() {}, showModal() {}, navigateTo() {}, navigateBack() {}, stopPullDownRefresh() {}, chooseMedia() {},
  }
}

const failedAs = (number) => (error) => ({ error: number, errorMessage: error.message })

function makeMy(user) {
  const storage = new Map()
  const my = {
    request: (options) => {
      ended('request', ['url', 'headers', 'method', 'data', 'timeout', 'dataType'], options, async () => {
        const { status, headers, text } = await http(options.method, options.url, options.headers, options.data)
        if (status < 200 || status > 299) throw new Error(`HTTP ${status}`)
        return { data: text, status, headers }
      }, failedAs(12))
      return { abort() {} }
    },
    uploadFile: (options) => {
      const { task, signal, done } = transferTask(UPLOADED)
      const allowed = ['url', 'filePath', 'name', 'fileName', 'fileType', 'headers', 'formData', 'timeout']
      ended('uploadFile', allowed, options, async () => {
        if (!['image', 'video', 'audio'].includes(options.fileType)) throw new Error('fileType is required')
        const answer = await sendForm(options.url, options.headers, options.name, options.filePath, options.formData, signal)
        done()
        return answer
      }, failedAs(12))
      return task
    },
    downloadFile: (options) => {
      const { task, signal, done } = transferTask(DOWNLOADED)
      ended('downloadFile', ['url', 'headers', 'timeout'], options, async () => {
        const { file } = await fetchFile(options.url, signal)
        done()
        return { apFilePath: file }
      }, failedAs(12))
      return task
    },
    getAuthCode: (options) => ended('getAuthCode', ['scopes'], options, () => ({ authCode: user }), failedAs(11)),
    getStorageSync: ({ key }) => ({ data: storage.has(key) ? storage.get(key) : null }),
    setStorageSync: ({ key, data }) => { storage.set(key, data) },
    removeStorageSync: ({ key }) => { storage.delete(key) },
    getAppIdSync: () => ({ appId: '2021000000000001' }),
    getExtConfigSync: () => ({}),
    canIUse: (name) => name === 'connectSocket.object.multiple',
    connectSocket: ({ url, multiple }) => {
      if (!multiple) throw new Error('the stand-in wants tasks')
      return socketTask(url, (data) => ({ data: { data, isBuffer: false } }))
    },
    getFileSystemManager: makeWx(user).getFileSystemManager,
    env: { USER_DATA_PATH: scratch },
  }
  return my
}

function makeDd(user) {
  const my = makeMy(user)
  const dd = {
    httpRequest: (options) => my.request(options),
    uploadFile: ({ header, ...options }) => {
      if (!options.fileName || 'name' in options) throw new Error('fileName is required')
      return my.uploadFile({ ...options, headers: header, name: options.fileName })
    },
    downloadFile: (options) => my.downloadFile({
      ...options,
      success: options.success && (({ apFilePath }) => options.success({ filePath: apFilePath })),
    }),
    getAuthCode: (options) => ended('getAuthCode', ['corpId'], options, () => ({ authCode: user }), failedAs(11)),
    getStorageSync: my.getStorageSync,
    setStorageSync: my.setStorageSync,
    removeStorageSync: my.removeStorageSync,
    corpId: 'dingcorp',
  }
  globalSocket(dd, (data) => ({ data, isBuffer: false }))
  return dd
}

const MAKERS = { wx: makeWx, my: makeMy, dd: makeDd }

/** The host's API, refusing to be asked for anything else. */
function strict(api, name) {
  return new Proxy(api, {
    get: (target, key) => {
      if (typeof key === 'string' && !(key in target)) throw new Error(`${name}.${key} is not documented`)
      return target[key]
    },
  })
}

/** A mini program: a realm with the host's API and `require`. Texts cannot become code in it. */
function startMiniProgram(kind, user, root) {
  const api = strict(MAKERS[kind](user), kind)
  const realm = { [kind]: api, setTimeout, clearTimeout, console }
  const context = vm.createContext(realm, { codeGeneration: { strings: false, wasm: false } })
  const loaded = new Map()
  const load = (file) => {
    if (!loaded.has(file)) {
      const module = { exports: {} }
      loaded.set(file, module)
      const code = `(function (module, exports, require) {${fs.readFileSync(file, 'utf8')}\n})`
      vm.runInContext(code, context, { filename: file })(module, module.exports, (name) => load(locate(file, name)))
    }
    return loaded.get(file).exports
  }
  return { api, context, realm, require: (name) => load(locate(path.join(root || PACKAGE, 'app.js'), name)) }
}

function locate(from, name) {
  if (name === 'yunbox' || name.startsWith('yunbox/')) return path.join(PACKAGE, `${name.slice(7) || 'index'}.js`)
  if (!name.startsWith('.')) throw new Error(`${name} is not in miniprogram_npm`)
  const file = path.resolve(path.dirname(from), name)
  return file.endsWith('.js') ? file : `${file}.js`
}

/** What browsers call XMLHttpRequest, as far as anybody may use it. */
class Request {
  upload = {}
  sent = {}
  aborting = new AbortController()
  open(method, url) { Object.assign(this.sent, { method, url, headers: {} }) }
  setRequestHeader(name, value) { this.sent.headers[name] = value }
  abort() { this.aborting.abort() }
  async send(body) {
    const { method, url, headers } = this.sent
    try {
      const answer = await fetch(url, { method, headers, body: body || undefined, signal: this.aborting.signal })
      const progress = { lengthComputable: true, loaded: 9, total: 9 }
      if (this.upload.onprogress) this.upload.onprogress(progress)
      if (this.onprogress) this.onprogress(progress)
      this.status = answer.status
      if (this.responseType === 'blob') this.response = await answer.blob()
      else this.responseText = await answer.text()
    } catch {
      return this.onerror()
    }
    return this.onload()
  }
}

/** A web page with the UMD file: a realm with what browsers have. */
function startPage() {
  const kept = new Map()
  const localStorage = {
    getItem: (key) => (kept.has(key) ? kept.get(key) : null),
    setItem: (key, value) => { kept.set(key, value) },
    removeItem: (key) => { kept.delete(key) },
  }
  const realm = { document: {}, XMLHttpRequest: Request, WebSocket, FormData, Blob, URL, localStorage, setTimeout, clearTimeout, console }
  const context = vm.createContext(realm, { codeGeneration: { strings: false, wasm: false } })
  const file = path.join(PACKAGE, '..', 'dist', 'yunbox.umd.js')
  vm.runInContext(fs.readFileSync(file, 'utf8'), context, { filename: file })
  return realm.yunbox
}

const hostAPI = (kind, user) => MAKERS[kind](user)

module.exports = { hostAPI, startMiniProgram, startPage, newFile }
