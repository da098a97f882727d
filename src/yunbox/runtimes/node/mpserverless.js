'use strict'
// `ctx` of a function exported as (ctx): the surface of @alicloud/mpserverless-node-sdk 1.2.5, answered by the host
// through the frame channel instead of HTTP.

const { currentInvocation } = require('./identity.js')
const { print } = require('./output.js')
const { httpclient } = require('./httpclient.js')
const util = require('node:util')

const ISO_DATE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/

let send = () => {}
let lastCall = 0
const pending = new Map()

function connect (sendFrame) { send = sendFrame }

class MPServerlessError extends Error {
  constructor (message, code) {
    super(message)
    this.name = code || 'MPServerlessError'
    this.code = code
  }
}

// A gateway method of the platform, called with the rights of the running invocation: {requestId, data?}.
function exchange (method, params) {
  const { secretId, token } = currentInvocation()?.frame.caller || { secretId: '', token: '' }
  const id = ++lastCall
  return new Promise((resolve, reject) => {
    pending.set(id, { resolve, reject })
    send(JSON.stringify({ t: 'call', id, key: secretId, token, method, params }))
  })
}

const callHost = async (method, params) => (await exchange(method, params)).data

function receiveReturn (frame) {
  const waiting = pending.get(frame.id)
  if (!waiting) return
  pending.delete(frame.id)
  if (frame.error) waiting.reject(new MPServerlessError(frame.error.message, frame.error.code))
  else waiting.resolve(frame.value)
}

// Strings in the exact ISO form come back as dates, at any depth (aliyun-wire.md §5.1).
function withDates (value) {
  if (typeof value === 'string') return ISO_DATE.test(value) ? new Date(value) : value
  if (Array.isArray(value)) return value.map(withDates)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withDates(item)]))
}

const COMMANDS = {
  aggregate: ['pipeline'],
  count: ['query'],
  distinct: ['key', 'query'],
  find: ['query'],
  findOne: ['query'],
  insertOne: ['doc'],
  insertMany: ['docs'],
  updateOne: ['filter', 'update'],
  updateMany: ['filter', 'update'],
  replaceOne: ['filter', 'doc'],
  deleteOne: ['filter'],
  deleteMany: ['filter'],
  findOneAndUpdate: ['filter', 'update'],
  findOneAndReplace: ['filter', 'replacement'],
  findOneAndDelete: ['filter']
}
const NOT_IN_TRANSACTION = ['aggregate', 'count', 'distinct', 'find', 'insertMany', 'updateMany', 'deleteMany']

async function database (params) {
  const data = await callHost('serverless.db.default.execute', params)
  return { success: true, ...withDates(data) }
}

class Collection {
  constructor (name, transactionId) {
    this.name = name
    this.transactionId = transactionId
  }
}

for (const [command, parameters] of Object.entries(COMMANDS)) {
  Collection.prototype[command] = function (...values) {
    const { name, transactionId } = this
    if (transactionId && NOT_IN_TRANSACTION.includes(command)) {
      return Promise.reject(new MPServerlessError(`transaction not support action [${command}]`, 'TransactionError'))
    }
    const params = { collection: name, command, options: values[parameters.length] || {} }
    parameters.forEach((parameter, index) => { params[parameter] = values[index] })
    if (transactionId) params.transactionId = transactionId
    return database(params)
  }
}

class Transaction {
  constructor (id) {
    this.id = id
    this.status = 'init'
  }

  collection (name) { return new Collection(name, this.id) }
  commit () { return this.end('commit', 'commitTransaction') }
  rollback () { return this.end('rollback', 'abortTransaction') }

  async end (status, command) {
    if (this.status !== 'init') throw new MPServerlessError(`transaction already ${this.status}`, 'TransactionError')
    this.status = status
    return database({ command, transactionId: this.id, options: {} })
  }
}

const db = {
  collection: name => new Collection(name),
  async startTransaction () {
    const { transactionId } = await database({ command: 'startTransaction', options: {} })
    return new Transaction(transactionId)
  }
}

const functions = {
  async invoke (functionTarget, functionArgs = {}) {
    const { requestId, data } = await exchange('serverless.function.runtime.invoke', { functionTarget, functionArgs })
    return data === undefined ? { success: true, requestId } : { success: true, result: data, requestId }
  }
}

const user = {
  getInfo: options => callHost('serverless.auth.user.getProfileInfo', options || {})
}

const proxied = (url, method, body, headers) =>
  callHost('serverless.http.proxy.request', { method, url, body, headers })

const withQuery = (url, query) => query && Object.keys(query).length > 0
  ? `${url}${url.includes('?') ? '&' : '?'}${new URLSearchParams(query)}`
  : url

const httpProxyClient = {
  get: (url, query, headers) => proxied(withQuery(url, query), 'GET', undefined, headers),
  post: (url, text, headers) => proxied(url, 'POST', text, headers),
  postJson: (url, json, headers) => proxied(url, 'POST', json, { 'content-type': 'application/json', ...headers }),
  postForm: (url, form, headers) => proxied(url, 'POST', String(new URLSearchParams(form)), { 'content-type': 'application/x-www-form-urlencoded', ...headers })
}

const level = name => (...values) => print(name, () => util.format(...values))
const logger = { log: level('info'), info: level('info'), warn: level('warn'), error: level('error'), debug: level('debug') }

function buildContext (args, env) {
  const mpserverless = { db, file: require('./files.js').files(callHost), user, function: functions, httpProxyClient }
  const ctx = { args, env, mpserverless, logger, httpclient }
  ctx.cloud = mpserverless
  ctx.basement = ctx
  // Code written for the older name calls ctx.basement.db as well as ctx.mpserverless.db.
  Object.assign(ctx, { db, file: mpserverless.file, user, function: functions })
  return ctx
}

module.exports = { buildContext, connect, receiveReturn }
