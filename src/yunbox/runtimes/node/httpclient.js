'use strict'
// `ctx.httpclient`: request(url, options[, callback]) with the options and the results of urllib 2.x (FA-3).

const dns = require('node:dns')
const http = require('node:http')
const https = require('node:https')
const net = require('node:net')
const zlib = require('node:zlib')
const { EventEmitter } = require('node:events')
const { pipeline } = require('node:stream/promises')
const { encodeBody } = require('./http_body.js')
const { digestAuthorization } = require('./http_digest.js')

const TIMEOUT = 5000
const CONNECTION = ['agent', 'lookup', 'socketPath', 'ca', 'pfx', 'key', 'cert', 'passphrase', 'ciphers', 'secureProtocol', 'rejectUnauthorized']
const REDIRECTS = new Set([301, 302, 303, 307, 308])
const CREDENTIALS = ['authorization', 'cookie', 'proxy-authorization', 'host']
const CONTROL = /[\u0000-\u001f]/g // eslint-disable-line no-control-regex

// 5000, '5s', '500ms' or [connecting, answering] as [milliseconds, milliseconds].
function timeouts (timeout) {
  const one = value => {
    const [, amount, unit] = /^\s*([\d.]+)\s*(ms|s|m)?\s*$/.exec(String(value)) || []
    return amount ? Number(amount) * ({ s: 1000, m: 60000 }[unit] || 1) : TIMEOUT
  }
  const [connecting = TIMEOUT, answering = connecting] = [].concat(timeout || TIMEOUT)
  return [one(connecting), one(answering)]
}

function requestHeaders (options) {
  const given = Object.entries(options.headers || {}).filter(([, value]) => value !== undefined && value !== null)
  const headers = Object.fromEntries(given.map(([name, value]) => [options.keepHeaderCase ? name : name.toLowerCase(), value]))
  headers['user-agent'] ??= `yunbox-httpclient Node.js/${process.versions.node}`
  if (options.dataType === 'json') headers.accept ??= 'application/json'
  if (options.gzip) headers['accept-encoding'] ??= 'gzip, deflate, br'
  if (options.auth) headers.authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`
  return headers
}

// The options without what proves who asks: another host must not get it from a redirect.
function withoutCredentials (options) {
  const kept = Object.entries(options.headers || {}).filter(([name]) => !CREDENTIALS.includes(name.toLowerCase()))
  return { ...options, headers: Object.fromEntries(kept), auth: null, digestAuth: null }
}

const illegalAddress = (hostname, ip, family) =>
  Object.assign(new Error('illegal address'), { name: 'IllegalAddressError', hostname, ip, family })

// A lookup that gives only addresses that `checkAddress` accepts.
const checkedLookup = (check, lookup = dns.lookup) => (host, options, done) => lookup(host, options, (error, found, family) => {
  const addresses = Array.isArray(found) ? found : [{ address: found, family }]
  const refused = error ? null : addresses.find(one => !check(one.address, one.family, host))
  done(refused ? illegalAddress(host, refused.address, refused.family) : error, found, family)
})

class Exchange {
  constructor (options) {
    this.options = options
    this.startedAt = Date.now()
    this.requestUrls = []
    this.timing = options.timing ? { queuing: 0, dnslookup: 0, connected: 0, requestSent: 0, waiting: 0, contentDownload: 0 } : null
    this.size = 0
    this.method = (options.method || options.type || (options.files ? 'POST' : 'GET')).toUpperCase()
  }

  mark (name) { if (this.timing) this.timing[name] = Date.now() - this.startedAt }

  // Follows redirects if that is wanted; {data, status, headers, res}.
  async run (url) {
    for (let next = String(url), hops = 0; ; hops++) {
      const response = await this.sendProved(next)
      const target = this.redirectTarget(response, next, hops)
      if (!target) return await this.finish(response)
      response.resume()
      if (new URL(target).origin !== this.target.origin) this.options = withoutCredentials(this.options)
      if (response.statusCode === 303) Object.assign(this, { method: 'GET', options: { ...this.options, data: null, content: null, stream: null, files: null } })
      next = target
    }
  }

  redirectTarget (response, from, hops) {
    const { options } = this
    const location = response.headers.location
    if (!options.followRedirect || !location || !REDIRECTS.has(response.statusCode)) return null
    if (hops >= (options.maxRedirects ?? 10)) {
      response.resume()
      throw this.fail(Object.assign(new Error(`Exceeded maxRedirects. Probably stuck in a redirect loop ${from}`), { name: 'MaxRedirectError' }), response)
    }
    return options.formatRedirectUrl ? options.formatRedirectUrl(from, location) : new URL(location, from).href
  }

  // Sends once more with the digest of user and password, if that is what the server asks for.
  async sendProved (url) {
    const response = await this.send(url)
    const { digestAuth, headers = {} } = this.options
    const challenge = response.headers['www-authenticate'] || ''
    if (response.statusCode !== 401 || !digestAuth || !/^Digest /i.test(challenge)) return response
    response.resume()
    const authorization = digestAuthorization(this.method, this.target.pathname + this.target.search, challenge, digestAuth)
    const cookie = response.headers['set-cookie']?.join(';')
    return await this.send(url, { ...headers, authorization, ...(cookie && { cookie }) })
  }

  async send (url, given = this.options.headers) {
    const { options, method } = this
    const headers = requestHeaders({ ...options, headers: given })
    const { body, query } = await encodeBody(options, method, headers)
    const target = new URL(/^https?:\/\//i.test(url) ? url : `http://${url}`)
    if (query) target.search += (target.search ? '&' : '?') + query
    if (Buffer.isBuffer(body)) headers['content-length'] ??= body.length
    this.target = target
    this.requestUrls.push(target.href)
    const sent = { method, headers }
    for (const name of CONNECTION) if (options[name] !== undefined) sent[name] = options[name]
    if (target.protocol === 'https:' && options.httpsAgent !== undefined) sent.agent = options.httpsAgent
    if (options.checkAddress) this.guard(sent, target.hostname)
    if (options.beforeRequest) options.beforeRequest(sent)
    return await this.connect(target, sent, body)
  }

  guard (sent, hostname) {
    const { checkAddress, lookup } = this.options
    const ip = hostname.replace(/^\[|\]$/g, '')
    if (net.isIP(ip) && !checkAddress(ip, net.isIP(ip), ip)) throw this.fail(illegalAddress(ip, ip, net.isIP(ip)), null)
    sent.lookup = checkedLookup(checkAddress, lookup)
  }

  connect (target, sent, body) {
    const [connecting, answering] = timeouts(this.options.timeout)
    return new Promise((resolve, reject) => {
      const request = (target.protocol === 'https:' ? https : http).request(target, sent)
      const expire = (name, what, limit) => () => request.destroy(Object.assign(new Error(`${what} timeout for ${limit}ms`), { name, code: 'ETIMEDOUT' }))
      let timer = setTimeout(expire('ConnectionTimeoutError', 'Connect', connecting), connecting)
      const connected = () => {
        this.mark('connected')
        clearTimeout(timer)
        timer = setTimeout(expire('ResponseTimeoutError', 'Response', answering), answering)
      }
      this.stop = () => clearTimeout(timer)
      request.on('socket', socket => {
        this.mark('queuing')
        if (!socket.connecting) return connected()
        socket.once('lookup', () => this.mark('dnslookup'))
        socket.once(target.protocol === 'https:' ? 'secureConnect' : 'connect', connected)
      })
      request.on('finish', () => this.mark('requestSent'))
      request.on('response', response => { this.mark('waiting'); resolve(response) })
      request.on('error', error => {
        this.stop()
        if (error.name === 'Error') error.name = 'RequestError'
        reject(this.fail(error, null))
      })
      if (body && typeof body.pipe === 'function') pipeline(body, request).catch(error => request.destroy(error))
      else request.end(body || undefined)
    })
  }

  async finish (response) {
    const { options } = this
    if (options.streaming || options.customResponse) {
      this.stop()
      return { data: null, status: response.statusCode, headers: response.headers, res: response }
    }
    try {
      const data = options.writeStream ? await this.save(response) : await this.read(response)
      this.mark('contentDownload')
      return { data, status: response.statusCode, headers: response.headers, res: this.describe(response, data) }
    } catch (error) {
      if (error.name === 'Error') error.name = 'ResponseError'
      throw this.fail(error, response)
    } finally {
      this.stop()
    }
  }

  async save (response) {
    await pipeline(response, this.options.writeStream)
    return null
  }

  async read (response) {
    const chunks = []
    for await (const chunk of response) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    this.size = body.length
    return decode(decompress(body, response.headers['content-encoding']), this.options)
  }

  describe (response, data) {
    const socket = response?.socket
    return {
      status: response?.statusCode ?? -1,
      statusCode: response?.statusCode ?? -1,
      statusMessage: response?.statusMessage ?? null,
      headers: response?.headers ?? {},
      size: this.size,
      aborted: response ? !response.complete : false,
      rt: Date.now() - this.startedAt,
      keepAliveSocket: false,
      data,
      requestUrls: this.requestUrls,
      timing: this.timing,
      remoteAddress: socket?.remoteAddress ?? '',
      remotePort: socket?.remotePort ?? ''
    }
  }

  fail (error, response) {
    const res = this.describe(response, undefined)
    error.message += `, ${this.method} ${this.target?.href} ${res.status}`
    return Object.assign(error, { status: res.status, headers: res.headers, path: this.target?.pathname, res })
  }
}

function decompress (body, encoding) {
  if (body.length === 0) return body
  if (encoding === 'gzip') return zlib.gunzipSync(body)
  if (encoding === 'deflate') return zlib.inflateSync(body)
  if (encoding === 'br') return zlib.brotliDecompressSync(body)
  return body
}

function decode (body, { dataType, fixJSONCtlChars }) {
  if (dataType === 'text') return body.toString()
  if (dataType !== 'json') return body
  let text = body.toString()
  if (text === '') return null
  if (typeof fixJSONCtlChars === 'function') text = fixJSONCtlChars(text)
  else if (fixJSONCtlChars) text = text.replace(CONTROL, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
  try {
    return JSON.parse(text)
  } catch (error) {
    error.name = 'JSONResponseFormatError'
    error.message += ` (data json format: ${JSON.stringify(text.slice(0, 1024))})`
    throw error
  }
}

class HttpClient extends EventEmitter {
  request (url, options, callback) {
    if (typeof options === 'function') return this.request(url, {}, options)
    const running = this.perform(url, options || {})
    if (typeof callback !== 'function') return running
    running.then(({ data, res }) => callback(null, data, res), error => callback(error, undefined, error.res))
  }

  curl (...values) { return this.request(...values) }
  requestThunk (url, options) { return callback => this.request(url, options || {}, (error, data, res) => callback(error, { data, res })) }

  async perform (url, options) {
    const exchange = new Exchange(options)
    try {
      const result = await exchange.run(url)
      this.emit('response', { error: null, req: { url: exchange.target.href, options }, res: result.res })
      return result
    } catch (error) {
      this.emit('response', { error, req: { url: String(url), options }, res: error.res })
      throw error
    }
  }
}

module.exports = { httpclient: new HttpClient() }
