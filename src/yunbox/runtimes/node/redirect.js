'use strict'
// SDKs call fixed hosts of the vendor. Requests to those hosts go to this server instead, unchanged and with their
// original Host header, because they are signed with it.

const http = require('node:http')
const https = require('node:https')
const { urlToHttpOptions } = require('node:url')

// Hosts whose paths this server answers as they are.
const HOSTS = new RegExp([
  String.raw`^(?:[\w.-]+\.)?tcb-(?:admin|open|api)\.(?:tencentcloudapi\.com|tencentyun\.com)$`,
  String.raw`^metadata\.tencentyun\.com$`,
  String.raw`^[\w.-]+\.api\.(?:intl\.)?tcloudbasegateway\.com$`
].join('|'), 'i')

// Connections are shared by requests for one original host only, as they would be there: what an SDK leaves on a socket
// (axios: `timeout` destroys it, after the metadata probe) would otherwise meet the next request, an upload to this server.
const agents = new Map()

function agentFor (host, protocol) {
  const name = `${protocol}//${host}`
  if (!agents.has(name)) agents.set(name, new (protocol === 'https:' ? https : http).Agent({ keepAlive: true }))
  return agents.get(name)
}

// The cloud API and buckets, whose paths would mean something else here: /tencentcloud/<host> goes before them.
const PREFIX = '/tencentcloud/'
const API = /^([a-z0-9]+)(?:\.[a-z0-9.-]+)?\.tencentcloudapi\.(?:com|woa\.com)$/i
const COS = /^([a-z0-9_-]+)\.cos(?:-internal)?\.[a-z0-9-]+\.(?:myqcloud\.com|tencentcos\.cn)$/i
const PACKAGES = /^[a-z]+tempcos-\d+$/

// What a function may need of the cloud API; other products it may call at the vendor, with keys of its own.
const FUNCTION_SERVICES = ['tcb', 'scf', 'flexdb', 'lowcode', 'tcbr']

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

// A bucket belongs to this server when its name carries the space's: <4 hex digits>-<space>[-site]-<digits>.
function isBucketOf (bucket, space) {
  if (PACKAGES.test(bucket)) return true
  const name = /^[0-9a-f]{4}-(.+)-\d+$/.exec(bucket)
  const own = space.replaceAll('_', '-')
  return name !== null && (name[1] === own || name[1] === `${own}-site`)
}

// What goes before the path of a request to `host`; null when the request is none of ours.
function prefixFor (host, space, services, hosts) {
  if (HOSTS.test(host) || hosts.includes(host)) return ''
  const api = API.exec(host)
  if (api) return services.includes(api[1].toLowerCase()) ? PREFIX + host.toLowerCase() : null
  const cos = COS.exec(host)
  return cos && isBucketOf(cos[1].toLowerCase(), space()) ? PREFIX + host.toLowerCase() : null
}

// A site's address is given without its scheme, and SDKs put https:// before it; the certificate is one of our own.
function isOwnAddress (options, host, target) {
  const port = Number(options.port) || 443
  return options.protocol === 'https:' && host === target.hostname && port === (Number(target.port) || 443)
}

function redirected (options, host, target, prefix) {
  const headers = { ...options.headers }
  if (!Object.keys(headers).some(name => name.toLowerCase() === 'host')) headers.Host = host
  headers['X-Yunbox-Host'] = target.host
  const changed = { ...options, protocol: target.protocol, host: target.hostname, hostname: target.hostname, headers }
  changed.port = target.port || (target.protocol === 'https:' ? 443 : 80)
  changed.path = prefix + (options.path || '/')
  for (const name of CONNECTION) delete changed[name]
  return { ...changed, agent: agentFor(host, target.protocol) }
}

// `target()` gives the URL of this server, `space()` the space whose buckets are here; `hosts` are answered as they are, too.
function installRedirect (target, space, services = FUNCTION_SERVICES, hosts = []) {
  const senders = { 'http:': http.request, 'https:': https.request }
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
      const known = prefixFor(host, space, services, hosts)
      if (known === null && module === http) return original.apply(this, values)
      const to = new URL(target())
      const prefix = known === null && isOwnAddress(parts.options, host, to) ? '' : known
      if (prefix === null) return original.apply(this, values)
      return senders[to.protocol].call(module, redirected(parts.options, host, to, prefix), parts.callback)
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
