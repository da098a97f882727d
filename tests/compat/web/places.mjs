// Opening an SDK in Node, or its build for mini programs on a stand-in of the host.

import { createRequire } from 'node:module'
import { VARIANTS, open } from './clients.mjs'

const require = createRequire(import.meta.url)
const { loseSockets } = require('../js/sockets')

// 3.x asks for the metadata of a cloud host. Nothing but this machine has a name here.
const dns = require('node:dns')
const { lookup } = dns
dns.lookup = (name, options, done = options) => (name === 'localhost'
  ? lookup(name, options, done)
  : done(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' })))

function node(variant, endpoint) {
  // 3.x brings what it needs for Node itself.
  if (variant.startsWith('3.')) return { kind: 'node', loseSockets, file: (text) => Buffer.from(text) }
  const adapter = require('../js/web_adapter')
  globalThis.location = { protocol: 'http:' }
  if (variant === 'tcb-1.10.10') Object.assign(adapter.rewrite, { from: 'tcb-api.tencentcloudapi.com', to: endpoint })
  return { kind: 'node', adapter, loseSockets, file: (text) => (variant === '2.31.0' ? new Blob([text]) : Buffer.from(text)) }
}

function mini(variant, endpoint) {
  const host = require('../js/wx_host')
  // The gateway's client sends PATCH, which wx.request does not have (tencent-client.md §7).
  host.install({ methods: variant !== '3.7.0', hosts: { 'tcb-api.tencentcloudapi.com': endpoint } })
  // SDKs of 2.x and 3.x sign in through `wx.cloud` where there is one: here our client.
  require('../../../sdk/js/miniprogram_dist/wx.js').configure({ endpoint })
  return { kind: 'mini', loseSockets, file: host.temporaryFile }
}

/** A client of the SDK `variant` in a `kind` of place: `node` or `mini`. */
export function openIn(kind, variant, endpoint, env) {
  const place = kind === 'mini' ? mini(variant, endpoint) : node(variant, endpoint)
  const name = VARIANTS[variant].package
  // tcb-js-sdk is one build for all.
  const isApart = kind === 'mini' && variant !== 'tcb-1.10.10'
  const loaded = require(isApart ? `../node_modules/${name}/miniprogram_dist/index.js` : name)
  return open(loaded.default || loaded, variant, place, endpoint, env)
}
