'use strict'
// The body of one `ctx.httpclient` request: text, JSON, a form, files as multipart, or a stream (urllib 2.x).

const crypto = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const querystring = require('node:querystring')
const { Readable } = require('node:stream')

const FORM = 'application/x-www-form-urlencoded'
const isStream = value => value !== null && typeof value === 'object' && typeof value.pipe === 'function'

// Objects and arrays inside, as qs writes them: a[b]=1&list[0]=2.
function nested (data, prefix = '') {
  const pairs = Object.entries(data).map(([key, value]) => {
    const name = prefix ? `${prefix}[${key}]` : key
    if (value !== null && typeof value === 'object') return nested(value, name)
    return `${encodeURIComponent(name)}=${encodeURIComponent(value ?? '')}`
  })
  return pairs.filter(pair => pair !== '').join('&')
}

const encodeForm = (data, options) => options.nestedQuerystring ? nested(data) : querystring.stringify(data)

// [name, content, filename] of each file; names are file, file0, file1 … unless `files` is an object of names.
function listFiles (files) {
  const single = typeof files === 'string' || Buffer.isBuffer(files) || isStream(files)
  if (single) return [['file', files]]
  return Array.isArray(files) ? files.map((file, index) => [`file${index}`, file]) : Object.entries(files)
}

async function readFile (file, position) {
  if (Buffer.isBuffer(file)) return { content: file, name: `bufferfile${position}` }
  if (typeof file === 'string') return { content: await fs.promises.readFile(file), name: path.basename(file) }
  const chunks = []
  for await (const chunk of file) chunks.push(Buffer.from(chunk))
  return { content: Buffer.concat(chunks), name: path.basename(String(file.path || `streamfile${position}`)) }
}

async function multipart (files, fields, headers) {
  const boundary = `----yunbox${crypto.randomBytes(12).toString('hex')}`
  const part = (disposition, content, extra = '') => Buffer.concat([
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n${extra}\r\n`), Buffer.from(content), Buffer.from('\r\n')
  ])
  const quote = text => String(text).replace(/["\r\n]/g, '_')
  const parts = Object.entries(fields || {}).map(([name, value]) => part(`name="${quote(name)}"`, String(value)))
  for (const [position, [name, file]] of listFiles(files).entries()) {
    const { content, name: filename } = await readFile(file, position)
    parts.push(part(`name="${quote(name)}"; filename="${quote(filename)}"`, content, 'Content-Type: application/octet-stream\r\n'))
  }
  headers['content-type'] = `multipart/form-data; boundary=${boundary}`
  return Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)])
}

function encodeData (data, options, headers) {
  if (typeof data === 'string' || Buffer.isBuffer(data)) return Buffer.from(data)
  headers['content-type'] ??= options.contentType === 'json' ? 'application/json' : FORM
  const json = /^application\/json\b/i.test(headers['content-type'])
  return Buffer.from(json ? JSON.stringify(data) : encodeForm(data, options))
}

// {body: a Buffer, a stream or null; query: what `data` adds to the URL}. Headers of the body are put into `headers`.
async function encodeBody (options, method, headers) {
  const { data, files, stream, content } = options
  if (files !== undefined && files !== null) return { body: await multipart(files, data, headers), query: '' }
  const inUrl = ['GET', 'HEAD'].includes(method) || options.dataAsQueryString || options.stream
  const query = inUrl && data !== null && typeof data === 'object' ? encodeForm(data, options) : ''
  if (content !== undefined && content !== null) return { body: Buffer.from(content), query: '' }
  if (stream) return { body: isStream(stream) ? stream : Readable.from(stream), query }
  if (data === undefined || data === null) return { body: null, query }
  if (inUrl) return { body: null, query: typeof data === 'string' ? data : query }
  return { body: encodeData(data, options, headers), query: '' }
}

module.exports = { encodeBody }
