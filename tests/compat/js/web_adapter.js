'use strict'
// What a browser gives the web SDKs, for Node: requests over fetch, storage in memory, sockets of the `ws` package.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

class MemoryStorage {
  constructor() { this.items = new Map() }
  getItem(key) { return this.items.has(key) ? this.items.get(key) : null }
  setItem(key, value) { this.items.set(key, String(value)) }
  removeItem(key) { this.items.delete(key) }
  clear() { this.items.clear() }
}

class FetchRequest {
  constructor(config = {}) { this.timeout = config.timeout || 15000 }
  get(options) { return this.send('GET', { ...options, query: options.data, data: undefined }) }
  post(options) { return this.send('POST', options) }
  put(options) { return this.send('PUT', options) }

  async download(options) {
    const { statusCode, data } = await this.send('GET', { ...options, responseType: 'blob' })
    const tempFilePath = path.join(os.tmpdir(), `yunbox-${crypto.randomUUID()}`)
    fs.writeFileSync(tempFilePath, data)
    return { statusCode, tempFilePath }
  }


  upload({ url, headers, data, file, name, method }) {
    if (method === 'put') return this.send('PUT', { url, headers, body: file })
    const form = new FormData()
    for (const [key, value] of Object.entries(data || {})) form.append(key, value)
    form.append('key', name)
    form.append('file', new Blob([file]), name)
    return this.send('POST', { url, headers: withoutType(headers), body: form })
  }

  async fetch({ url, enableAbort, stream, timeout, shouldThrowOnError, ...init }) {
    const response = await fetch(absolute(url), init)
    const header = Object.fromEntries(response.headers)
    const type = response.headers.get('content-type') || ''
    const data = type.includes('application/json') ? response.json() : response.text()
    if (!response.ok && shouldThrowOnError !== false) throw await data
    return { data, statusCode: response.status, header }
  }

  async send(method, { url, headers, data, query, body, responseType }) {
    const target = new URL(absolute(url))
    for (const [key, value] of Object.entries(query || {})) target.searchParams.set(key, value)
    const payload = body !== undefined ? body : data === undefined || method === 'GET' ? undefined : JSON.stringify(data)
    const response = await fetch(target, { method, headers: headers || {}, body: payload })
    const bytes = Buffer.from(await response.arrayBuffer())
    return {
      statusCode: response.status,
      header: Object.fromEntries(response.headers),
      data: responseType === 'blob' || responseType === 'arraybuffer' ? bytes : parsed(bytes.toString('utf8')),
    }
  }
}

function absolute(url) {
  const target = url.startsWith('//') ? `http:${url}` : url
  return rewrite.from && target.includes(rewrite.from) ? target.replace(/^https?:\/\/[^/]+/, rewrite.to) : target
}

/** tcb-js-sdk has no option for its address: requests to the host `from` go to the origin `to`. */
const rewrite = { from: '', to: '' }

function withoutType(headers = {}) {
  return Object.fromEntries(Object.entries(headers).filter(([key]) => key.toLowerCase() !== 'content-type'))
}

function parsed(text) {
  try { return JSON.parse(text) } catch { return text }
}

module.exports = {
  rewrite,
  runtime: 'web',
  isMatch: () => true,
  genAdapter: () => ({
    root: globalThis,
    reqClass: FetchRequest,
    wsClass: require('ws'),
    localStorage: new MemoryStorage(),
    sessionStorage: new MemoryStorage(),
    primaryStorage: 'local',
  }),
}
