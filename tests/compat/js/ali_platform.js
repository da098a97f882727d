'use strict'
// Just enough of the host objects wx, my and dd for an unmodified @alicloud/mpserverless-sdk to run in Node.

const http = require('node:http')
const https = require('node:https')
const fs = require('node:fs')
const path = require('node:path')
const crypto = require('node:crypto')

function exchange (url, { method = 'POST', headers = {}, body = '' }) {
  const client = url.startsWith('https:') ? https : http
  return new Promise((resolve, reject) => {
    const request = client.request(url, { method, headers, rejectUnauthorized: false }, (response) => {
      const chunks = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }))
    })
    request.on('error', reject)
    request.end(body)
  })
}

function multipart (fields, name, filePath) {
  const boundary = `----host${crypto.randomBytes(9).toString('hex')}`
  const part = (disposition, extra, data) => Buffer.concat([
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n${extra}\r\n`), data, Buffer.from('\r\n')
  ])
  const parts = Object.entries(fields).map(([key, value]) => part(`name="${key}"`, '', Buffer.from(String(value))))
  parts.push(part(`name="${name}"; filename="${path.basename(filePath)}"`, 'Content-Type: image/png\r\n', fs.readFileSync(filePath)))
  return { boundary, body: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]) }
}

// Each platform has its own names for the same things: header/headers, statusCode/status, name/fileName, code/authCode.
function host (platform, authCode) {
  const status = platform === 'wx' ? 'statusCode' : 'status'
  const failure = (error) => platform === 'wx' ? { errMsg: `request:fail ${error.message}` } : { error: 12, errorMessage: error.message }

  function request (options) {
    const headers = { 'content-type': 'application/json', ...(platform === 'wx' ? options.header : options.headers) }
    const body = typeof options.data === 'string' ? options.data : JSON.stringify(options.data)
    exchange(options.url, { headers, body })
      .then((answer) => ({ [status]: answer.status, [platform === 'wx' ? 'header' : 'headers']: answer.headers, data: JSON.parse(answer.body.toString() || 'null'), errMsg: 'request:ok' }), failure)
      .then(options.complete)
  }

  function uploadFile (options) {
    const { boundary, body } = multipart(options.formData || {}, platform === 'wx' ? options.name : options.fileName, options.filePath)
    const headers = { ...options.header, 'content-type': `multipart/form-data; boundary=${boundary}` }
    exchange(options.url, { headers, body })
      .then((answer) => ({ statusCode: answer.status, data: answer.body.toString(), errMsg: 'uploadFile:ok' }), failure)
      .then(options.complete)
  }

  const login = (options) => options.complete(platform === 'wx' ? { code: authCode, errMsg: 'login:ok' } : { authCode })
  const getFileInfo = (options) => options.complete({ size: fs.statSync(options.filePath || options.apFilePath).size, errMsg: 'getFileInfo:ok' })
  const getImageInfo = (options) => options.complete({ type: path.extname(options.src).slice(1), errMsg: 'getImageInfo:ok' })
  const names = { wx: { request, login }, my: { request, getAuthCode: login }, dd: { httpRequest: request, getAuthCode: login } }
  return { ...names[platform], uploadFile, getFileInfo, getImageInfo }
}

// Runs steps one after the other and keeps what each gives: {value} or {error: {code, message}}.
async function record (steps) {
  const results = {}
  for (const [name, step] of Object.entries(steps)) {
    try {
      results[name] = { value: await step(results) }
    } catch (thrown) {
      const error = thrown.error && thrown.error.code ? thrown.error : thrown
      results[name] = { error: { code: error.code || error.name, message: error.message } }
    }
  }
  return results
}

function loadSdk (platform, authCode, name) {
  globalThis[platform] = host(platform, authCode)
  return { MPServerless: require(name), platformObject: globalThis[platform] }
}

module.exports = { exchange, host, loadSdk, record }
