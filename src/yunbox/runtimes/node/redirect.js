'use strict'
// Older SDKs call fixed hosts of the vendor. Requests to those hosts go to this server instead, as plain HTTP, unchanged
// and with their original Host header, because they are signed with it.

const http = require('node:http')
const https = require('node:https')
const { urlToHttpOptions } = require('node:url')

const HOSTS = new RegExp([
  String.raw`^(?:[\w.-]+\.)?tcb-(?:admin|open|api)\.(?:tencentcloudapi\.com|tencentyun\.com)$`,
  String.raw`^metadata\.tencentyun\.com$`,
  String.raw`^[\w.-]+\.api\.(?:intl\.)?tcloudbasegateway\.com$`
].join('|'), 'i')

// Connections are shared by requests for one original host only, as they would be there: what an SDK leaves on a socket
// (axios: `timeout` destroys it, after the metadata probe) would otherwise meet the next request, an upload to this server.
const agents = new Map()

function agentFor (host) {
  if (!agents.has(host)) agents.set(host, new http.Agent({ keepAlive: true }))
  return agents.get(host)
}

const CONNECTION = ['createConnection', 'socketPath', 'ca', 'cert', 'key', 'servername', 'lookup', 'uri', 'href', 'defaultPort', 'agent', 'agents', 'pool']

function splitArguments (values) {
  const [first, second, third] = values
  const fromUrl = typeof first === 'string' || first instanceof URL
  const options = fromUrl && typeof second === 'object' ? second : fromUrl ? null : first
  const callback = [second, third].find(value => typeof value === 'function')
  const url = fromUrl ? urlToHttpOptions(new URL(first)) : null
  return { options: { ...url, ...options }, callback }
}

function hostOf (options) {
  return String(options.hostname || options.host || '').replace(/:\d+$/, '')
}

function redirected (options, host, target) {
  const headers = { ...options.headers }
  if (!Object.keys(headers).some(name => name.toLowerCase() === 'host')) headers.Host = host
  const changed = { ...options, protocol: 'http:', host: target.hostname, hostname: target.hostname, port: target.port || 80, headers }
  for (const name of CONNECTION) delete changed[name]
  return { ...changed, agent: agentFor(host) }
}

// `target()` gives the URL of this server.
function installRedirect (target) {
  const plain = http.request
  for (const module of [http, https]) {
    const original = module.request
    module.request = function (...values) {
      let parts
      try {
        parts = splitArguments(values)
      } catch {
        return original.apply(this, values)
      }
      const host = hostOf(parts.options)
      if (!HOSTS.test(host)) return original.apply(this, values)
      return plain.call(http, redirected(parts.options, host, new URL(target())), parts.callback)
    }
    module.get = function (...values) {
      const request = module.request(...values)
      request.end()
      return request
    }
  }
  require('node:module').syncBuiltinESMExports()
}

module.exports = { installRedirect }
