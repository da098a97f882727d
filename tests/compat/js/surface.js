'use strict'
// The complete method surface of a server SDK as one table of calls: surface_documents.js, surface_aggregation.js,
// surface_cloud.js. Outside functions: node surface.js PACKAGE CONFIG, CONFIG = {endpoint, space, secretId, secretKey};
// inside a function: `exports.main = require('./surface').inside(PACKAGE)`. Gives {done, absent, failed, uncalled}:
// how many rows ran, groups of rows that this SDK has no method for, rows whose result is not the expected one, and
// methods of the SDK, found by reflection, that no row has called.

const assert = require('node:assert')
const { generateKeyPairSync } = require('node:crypto')
const { isDeepStrictEqual } = require('node:util')

/** Not methods but whole families of them, made up by proxies. */
const FAMILIES = ['openapi', 'cloudPay']
const kindOf = (name) => (name.startsWith('wx-server-sdk') ? 'wx' : name.startsWith('tcb-admin') ? 'admin' : 'node')

function credentials (space) {
  const key = { type: 'pkcs1', format: 'pem' }
  return { private_key_id: 'k', env_id: space, private_key: generateKeyPairSync('rsa', { modulusLength: 1024, privateKeyEncoding: key, publicKeyEncoding: key }).privateKey }
}

/** Everything a row needs, in the words of whichever SDK this is. */
function adapt (name, options) {
  const kind = kindOf(name)
  const sdk = require(name)
  const cloud = kind === 'wx' ? (sdk.init(options), sdk) : sdk.init(options)
  const db = cloud.database()
  const words = kind === 'wx'
    ? { data: (value) => ({ data: value }), one: (found) => found.data, updated: (done) => done.stats.updated, removed: (done) => done.stats.removed, id: (done) => done._id, list: (found) => found.list }
    : { data: (value) => value, one: (found) => (Array.isArray(found.data) ? found.data[0] : found.data), updated: (done) => done.updated, removed: (done) => done.deleted, id: (done) => done.id, list: (found) => found.data }
  return { kind, name, sdk, cloud, db, _: db.command, $: db.command.aggregate, auth: cloud.auth && cloud.auth(), ...words, options }
}

/** Wraps the methods of an object and of its classes so that `called` gets the name of each one that runs. */
function watch (surface, known, called) {
  for (const [group, object] of Object.entries(surface)) {
    if (object === undefined || object === null) continue
    for (let level = object; level && level !== Object.prototype && level !== Function.prototype; level = Object.getPrototypeOf(level)) {
      for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
        if (key === 'constructor' || key.startsWith('_') || FAMILIES.includes(key) || typeof property.value !== 'function') continue
        const label = `${group}.${key}`
        known.add(label)
        if (!property.writable || /^class\b/.test(String(property.value))) { called.add(label); continue }
        level[key] = new Proxy(property.value, {
          apply: (target, self, values) => { called.add(label); return Reflect.apply(target, self, values) },
          construct: (target, values, base) => { called.add(label); return Reflect.construct(target, values, base) },
        })
      }
    }
  }
}

function surfaceOf ({ cloud, auth, db, _, $ }) {
  const collection = db.collection('surface')
  return {
    cloud,
    db,
    command: _,
    expression: $,
    geo: db.Geo,
    collection,
    query: collection.where({ a: 1 }),
    document: collection.doc('1'),
    aggregate: collection.aggregate && collection.aggregate(),
    auth,
    logger: cloud.logger && cloud.logger(),
  }
}

const plain = (value) => (value === undefined ? null : JSON.parse(JSON.stringify(value)))

async function outcome (call) {
  let timer
  const late = new Promise((resolve, reject) => { timer = setTimeout(() => reject(new Error('this call hangs')), 30_000) })
  try {
    const result = await Promise.race([call(), late])
    if (result && typeof result.code === 'string' && result.code !== 'SUCCESS') return { error: result.code } // how tcb-admin-node tells errors
    return plain(result)
  } catch (error) {
    if (process.env.SURFACE_DEBUG) console.error(error)
    return { error: typeof error.code === 'string' ? error.code : error.errCode || String(error.message || error).slice(0, 300) }
  } finally {
    clearTimeout(timer)
  }
}

/** `expected` is a value, a set of acceptable values made with `oneOf`, or a function that says whether it fits. */
function fits (result, expected) {
  if (typeof expected === 'function') return Boolean(expected(result))
  if (expected instanceof Set) return [...expected].some((value) => isDeepStrictEqual(result, plain(value)))
  return isDeepStrictEqual(result, plain(expected))
}

async function drive (name, options, context) {
  const sdk = adapt(name, options)
  const known = new Set()
  const called = new Set()
  watch(surfaceOf(sdk), known, called)
  const groups = ['documents', 'aggregation', 'cloud'].flatMap((part) => require(`./surface_${part}`).groups({ ...sdk, ...context }))
  const report = { done: 0, absent: [], failed: {} }
  for (const { title, has, rows } of groups) {
    if (!has) { report.absent.push(title); continue }
    for (const [row, call, expected] of rows) {
      const began = Date.now()
      const result = await outcome(call)
      if (process.env.SURFACE_DEBUG && Date.now() - began > 1000) console.error('SLOW', title, row, Date.now() - began)
      report.done += 1
      if (!fits(result, expected)) report.failed[`${title}: ${row}`] = result
    }
  }
  report.uncalled = [...known].filter((label) => !called.has(label)).sort()
  return report
}

/** What only an environment tells the SDKs; nothing in the code names the server. */
function setEnvironment (config) {
  Object.assign(process.env, {
    TENCENTCLOUD_SECRETID: config.secretId,
    TENCENTCLOUD_SECRETKEY: config.secretKey,
    TENCENTCLOUD_RUNENV: 'SCF',
    TENCENTCLOUD_SESSIONTOKEN: 'unused',
    TENCENTCLOUD_REGION: 'ap-shanghai',
    SCF_NAMESPACE: config.space,
    TCB_ENV: config.space,
    TCB_CONTEXT_CNFG: JSON.stringify({ URL: `${config.endpoint}/admin`, TCB_SDK_GRAY_0: true }),
    TCB_CONTEXT_KEYS: 'TCB_ENV,TCB_CONTEXT_CNFG',
  })
  delete process.env.KUBERNETES_SERVICE_HOST
}

/** wx-server-sdk takes the server's address from `init` in every version, but its keys only from the environment in old ones. */
function setKeysOnly ({ secretId, secretKey }) {
  for (const key of Object.keys(process.env)) if (/^(TENCENTCLOUD|TCB|SCF|KUBERNETES)_/.test(key)) delete process.env[key]
  if (secretId) Object.assign(process.env, { TENCENTCLOUD_SECRETID: secretId, TENCENTCLOUD_SECRETKEY: secretKey })
}

async function outside (name, config) {
  if (config.way === 'environment') setEnvironment(config)
  else setKeysOnly(kindOf(name) === 'wx' ? config : {})
  const named = { env: config.space, credentials: credentials(config.space), secretId: config.secretId, secretKey: config.secretKey, serviceUrl: `${config.endpoint}/admin`, region: 'ap-shanghai' }
  return drive(name, config.way === 'environment' ? { env: config.space, credentials: credentials(config.space) } : named, { space: config.space, within: false })
}

exports.inside = (name) => async (event) => drive(name, { env: event.env, credentials: credentials(event.env) }, { space: process.env.TCB_ENV, within: true })

if (require.main === module) {
  assert(process.argv[3], 'node surface.js PACKAGE CONFIG')
  outside(process.argv[2], JSON.parse(process.argv[3])).then(
    (report) => process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0)), // idle connections would keep it alive
    (error) => { console.error(error); process.exit(1) },
  )
}
