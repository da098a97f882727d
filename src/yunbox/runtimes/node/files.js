'use strict'
// `ctx.mpserverless.file`: reserve, post the form to the object store, report (aliyun-wire.md §6).

const fs = require('node:fs')
const path = require('node:path')
const crypto = require('node:crypto')

const HEADERS = {
  contentType: 'Content-Type',
  cacheControl: 'Cache-Control',
  contentEncoding: 'Content-Encoding',
  contentDisposition: 'Content-Disposition',
  expires: 'Expires'
}

function content ({ filePath, fileBuffer, fileName, extension }) {
  if (Buffer.isBuffer(fileBuffer)) return { data: fileBuffer, name: fileName || `file${extension ? `.${extension}` : ''}` }
  if (typeof filePath !== 'string') throw new TypeError('uploadFile needs filePath or fileBuffer / 缺少 filePath 或 fileBuffer')
  return { data: fs.readFileSync(filePath), name: fileName || path.basename(filePath) }
}

function formFields (sign, options) {
  const fields = { success_action_status: '200' }
  for (const [key, value] of Object.entries(options.meta || {})) fields[`x-oss-meta-${key}`] = String(value)
  for (const [key, name] of Object.entries(HEADERS)) {
    if (options.headers && options.headers[key]) fields[name] = options.headers[key]
  }
  if (sign.securityToken) fields['x-oss-security-token'] = sign.securityToken
  return { ...fields, id: sign.id, key: sign.ossPath, policy: sign.policy, Signature: sign.signature, OSSAccessKeyId: sign.accessKeyId }
}

function multipart (fields, name, data) {
  const boundary = `----yunbox${crypto.randomBytes(12).toString('hex')}`
  const parts = Object.entries(fields).map(([key, value]) =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${key}"\r\n\r\n${value}\r\n`)
  const quoted = name.replace(/["\r\n]/g, '_')
  const head = `${parts.join('')}--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${quoted}"\r\n\r\n`
  return { boundary, body: Buffer.concat([Buffer.from(head), data, Buffer.from(`\r\n--${boundary}--\r\n`)]) }
}

function files (callHost) {
  const reserve = (options, name, size) => callHost('serverless.file.resource.generateProximalSign', {
    env: 'public', filename: name, size, targetPath: options.path, fileId: options.cloudPath
  })

  return {
    async uploadFile (options) {
      const { data, name } = content(options)
      const sign = await reserve(options, name, data.length)
      const { boundary, body } = multipart(formFields(sign, options), name, data)
      const url = /^https?:\/\//.test(sign.host) ? sign.host : `http://${sign.host}`
      const response = await fetch(url, { method: 'POST', body, headers: { 'content-type': `multipart/form-data; boundary=${boundary}` } })
      if (!response.ok) throw new Error(`the upload failed with HTTP ${response.status}: ${await response.text()}`)
      await callHost('serverless.file.resource.report', { id: sign.id, contentType: options.headers && options.headers.contentType })
      const domain = sign.cdnDomain || sign.host
      const origin = /^https?:\/\//.test(domain) ? domain : `https://${domain}`
      return { fileUrl: `${origin}/${sign.ossPath}`, filePath: sign.ossPath, fileId: sign.id }
    },

    async deleteFile (id) {
      await callHost('serverless.file.resource.delete', { id })
      return { success: true }
    },

    async info (ids, options) {
      const result = await callHost('serverless.file.resource.info', { id: [].concat(ids).join(','), ...options })
      return { success: true, result }
    },

    async getUploadFileOptions (options = {}) {
      const name = options.fileName || (options.filePath && path.basename(options.filePath)) || `file.${options.extension || 'bin'}`
      const sign = await reserve(options, name, options.size)
      const { id, ossPath, host, policy, signature, accessKeyId, securityToken, cdnDomain, ossCallbackUrl } = sign
      return { id, key: ossPath, host, policy, Signature: signature, OSSAccessKeyId: accessKeyId, securityToken, cdnDomain, ossCallbackUrl }
    }
  }
}

module.exports = { files }
