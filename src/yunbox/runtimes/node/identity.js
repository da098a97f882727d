'use strict'
// Whose work is running. Every SDK reads the caller from process.env at call time, so process.env answers from the
// invocation that the running code belongs to; work that outlives its answer keeps its own caller.

const net = require('node:net')
const tls = require('node:tls')
const { AsyncLocalStorage } = require('node:async_hooks')

const storage = new AsyncLocalStorage()
let answering = null

// The invocation whose code is running, or null. Code that lost its context (a shared socket's callback) and code of
// the module's top level belong to the one being answered.
function currentInvocation () {
  const own = storage.getStore()
  if (own === undefined || own === null) return answering
  return own.loading && answering ? answering : own
}

function setAnswering (invocation) { answering = invocation }

const has = (object, key) => Object.prototype.hasOwnProperty.call(object, key)

function installEnvironment () {
  const real = process.env
  const overlay = () => {
    const invocation = currentInvocation()
    return invocation === null ? null : invocation.environment
  }
  process.env = new Proxy(real, {
    get (target, key) {
      const own = overlay()
      return own !== null && has(own, key) ? own[key] : target[key]
    },
    has (target, key) {
      const own = overlay()
      return (own !== null && has(own, key)) || key in target
    },
    set (target, key, value) {
      const own = overlay()
      if (own !== null && has(own, key)) own[key] = String(value)
      else target[key] = value
      return true
    },
    deleteProperty (target, key) {
      const own = overlay()
      if (own !== null && has(own, key)) delete own[key]
      else delete target[key]
      return true
    },
    ownKeys (target) {
      const own = overlay()
      const keys = Reflect.ownKeys(target)
      return own === null ? keys : [...new Set([...Object.keys(own), ...keys])]
    },
    getOwnPropertyDescriptor (target, key) {
      const own = overlay()
      if (own !== null && has(own, key)) return { value: own[key], writable: true, enumerable: true, configurable: true }
      return Reflect.getOwnPropertyDescriptor(target, key)
    }
  })
}

// A connection that outlives the invocation which opened it serves later ones too (a database client at module level):
// its raw events belong to whichever invocation is being answered, not for ever to the first.
function shareConnections () {
  for (const [owner, name] of [[net.Socket.prototype, 'connect'], [tls, 'connect']]) {
    const connect = owner[name]
    owner[name] = function (...values) { return storage.exit(() => connect.apply(this, values)) }
  }
}

module.exports = { storage, currentInvocation, setAnswering, installEnvironment, shareConnections }
