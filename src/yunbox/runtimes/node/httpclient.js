'use strict'
// `ctx.httpclient`: request(url, options) of urllib 2.x with the options functions use; answers {status, headers, data, res}.

const http = require('node:http')
const https = require('node:https')
const zlib = require('node:zlib')

function encodeBody (options, headers) {
  const { data, method } = options
  if (options.content !== undefined) return { body: Buffer.from(options.content), query: '' }
  if (data === undefined || data === null) return { body: null, query: '' }
  if (Buffer.isBuffer(data) || typeof data === 'string') return { body: Buffer.from(data), query: '' }
  if (['GET', 'HEAD'].includes(method) || options.dataAsQueryString) return { body: null, query: String(new URLSearchParams(data)) }
  const json = options.contentType === 'json' || /json/.test(headers['content-type'] || '')
  headers['content-type'] ??= json ? 'application/json' : 'application/x-www-form-urlencoded'
  return { body: Buffer.from(json ? JSON.stringify(data) : String(new URLSearchParams(data))), query: '' }
}

function decodeBody (body, dataType) {
  if (dataType === 'text') return body.toString()
  if (dataType === 'json') return body.length === 0 ? null : JSON.parse(body.toString())
  return body
}

function decompress (body, encoding) {
  if (encoding === 'gzip') return zlib.gunzipSync(body)
  if (encoding === 'deflate') return zlib.inflateSync(body)
  if (encoding === 'br') return zlib.brotliDecompressSync(body)
  return body
}

function send (url, options, redirects) {
  const method = (options.method || options.type || 'GET').toUpperCase()
  const headers = Object.fromEntries(Object.entries(options.headers || {}).map(([key, value]) => [key.toLowerCase(), value]))
  const { body, query } = encodeBody({ ...options, method }, headers)
  const target = new URL(url)
  if (query) target.search += (target.search ? '&' : '?') + query
  if (options.auth) headers.authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`
  if (body) headers['content-length'] = body.length
  const limit = [].concat(options.timeout || 5000).reduce((longest, item) => Math.max(longest, item), 0)
  return new Promise((resolve, reject) => {
    const module = target.protocol === 'https:' ? https : http
    const request = module.request(target, { method, headers, rejectUnauthorized: options.rejectUnauthorized }, response => {
      const chunks = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => resolve({ response, body: Buffer.concat(chunks), target, redirects }))
    })
    request.setTimeout(limit, () => {
      request.destroy(Object.assign(new Error(`Response timeout for ${limit}ms, ${method} ${url}`), { name: 'ResponseTimeoutError', code: 'ETIMEDOUT' }))
    })
    request.on('error', reject)
    request.end(body || undefined)
  })
}

async function request (url, options = {}, callback) {
  if (typeof options === 'function') return request(url, {}, options)
  if (typeof callback !== 'function') return await perform(String(url), options)
  perform(String(url), options).then(result => callback(null, result.data, result.res), error => callback(error))
}

async function perform (url, options) {
  let next = url
  for (let redirects = 0; ; redirects++) {
    const { response, body } = await send(next, options, redirects)
    const location = response.headers.location
    if (options.followRedirect && location && response.statusCode >= 300 && response.statusCode < 400 && redirects < (options.maxRedirects || 10)) {
      next = new URL(location, next).href
      continue
    }
    const plain = decompress(body, response.headers['content-encoding'])
    const res = { status: response.statusCode, statusCode: response.statusCode, headers: response.headers, size: plain.length, requestUrls: [next] }
    return { status: response.statusCode, headers: response.headers, data: decodeBody(plain, options.dataType), res }
  }
}

module.exports = { httpclient: { request, curl: request } }
