'use strict'
// One call of the function: builds what the handler expects, waits for its answer, turns it into a frame.

const { storage, setAnswering, currentInvocation } = require('./identity.js')
const { invocationVariables, mpEnvironment } = require('./environment.js')
const { buildContext } = require('./mpserverless.js')

const RESULT_LIMIT = 6 * 1024 * 1024

const resourceUsage = process.resourceUsage.bind(process)

class Invocation {
  constructor (frame, configuration) {
    this.id = frame.id
    this.frame = frame
    this.configuration = configuration
    this.deadline = frame.deadline
    this.environment = frame.caller ? invocationVariables(configuration, frame.caller) : {}
    this.loading = false
    this.printed = 0
    this.answered = false
  }

  // An invocation that the module's top level runs in: the function's own rights, nobody's identity.
  static forLoading (configuration) {
    const invocation = new Invocation({ id: '', deadline: Infinity, caller: configuration.loader }, configuration)
    invocation.loading = true
    return invocation
  }

  run (handler, answer) {
    this.answer = answer
    setAnswering(this)
    storage.run(this, () => {
      const call = handler.kind === 'event' ? callWithEvent : callWithContext
      call(this, handler.call)
    })
  }

  succeed (value) {
    if (this.answered) return
    const head = `{"t":"result","id":${JSON.stringify(this.id)},"memory":${resourceUsage().maxRSS * 1024}`
    if (value === undefined) return this.finish(`${head}}`)
    let text
    try {
      text = JSON.stringify(value) ?? 'null'
    } catch (error) {
      return this.fail(new TypeError(`the result cannot be turned into JSON: ${error.message}`), 'result')
    }
    if (Buffer.byteLength(text) > RESULT_LIMIT) {
      return this.fail(new RangeError('the result is larger than 6 MiB / 返回值超过 6 MiB'), 'result')
    }
    this.finish(`${head},"value":${text}}`)
  }

  fail (error, reason = 'threw') {
    if (this.answered) return
    this.finish(failureFrame(this.id, error, reason, this.configuration))
  }

  finish (frame) {
    this.answered = true
    setAnswering(null)
    this.answer(frame)
  }
}

function failureFrame (id, error, reason, configuration) {
  const { message, stack, code } = describeError(error)
  const shown = text => configuration ? text.split(configuration.directory).join(configuration.shownAs) : text
  return JSON.stringify({ t: 'failure', id, reason, message: shown(message), stack: shown(withoutRuntime(stack)), code })
}

// Callers see this text: where the server is installed is not their business.
function withoutRuntime (stack) {
  return stack.split('\n').filter(line => !line.includes(__dirname)).join('\n')
}

function describeError (error) {
  if (error !== null && typeof error === 'object' && (error instanceof Error || typeof error.message === 'string')) {
    const message = error.message === '' ? String(error.name || 'Error') : String(error.message)
    const code = typeof error.code === 'string' || typeof error.code === 'number' ? String(error.code) : ''
    return { message: message.slice(0, 65536), stack: String(error.stack || message).slice(0, 65536), code }
  }
  let message
  try {
    message = typeof error === 'string' ? error : JSON.stringify(error) ?? String(error)
  } catch {
    message = String(error)
  }
  return { message: message.slice(0, 65536), stack: '', code: '' }
}

function callWithEvent (invocation, handler) {
  const { frame } = invocation
  const event = frame.event === undefined ? {} : frame.event
  if (frame.user && event !== null && typeof event === 'object' && !Array.isArray(event)) {
    event.userInfo = frame.user
  }
  const context = eventContext(invocation)
  const callback = (error, value) => error === null || error === undefined ? invocation.succeed(value) : invocation.fail(error)
  let value
  try {
    value = handler(event, context, callback)
  } catch (error) {
    return invocation.fail(error)
  }
  if (typeof value?.then === 'function') return settle(invocation, value)
  const promisesLater = value === undefined && (handler.length >= 3 || context[WANTS_LATER])
  if (!promisesLater) return invocation.succeed(value)
  answerWhenIdle(invocation)
}

function settle (invocation, promise) {
  promise.then(value => invocation.succeed(value), error => invocation.fail(error))
}

// A handler that takes a callback and never calls it ends when nothing is left to wait for.
function answerWhenIdle (invocation) {
  const timer = setInterval(() => {
    if (!invocation.answered && countResources() > restingResources + 1) return
    clearInterval(timer)
    invocation.succeed(null)
  }, 50)
}

let restingResources = Infinity
const countResources = () => process.getActiveResourcesInfo().length
function noteRestingResources () { restingResources = countResources() }

const WANTS_LATER = Symbol('wants later')

function eventContext (invocation) {
  const { configuration, environment } = invocation
  const context = {
    callbackWaitsForEmptyEventLoop: true,
    memory_limit_in_mb: configuration.memory,
    time_limit_in_ms: configuration.timeout,
    request_id: invocation.id,
    function_version: '$LATEST',
    function_name: configuration.name,
    namespace: configuration.space,
    tencentcloud_region: 'ap-shanghai',
    tencentcloud_appid: '1250000000',
    tencentcloud_uin: '100000000000',
    getRemainingTimeInMillis: () => Math.max(0, invocation.deadline - Date.now())
  }
  const later = {
    done: (error, value) => error === null || error === undefined ? invocation.succeed(value) : invocation.fail(error),
    succeed: value => invocation.succeed(value),
    fail: error => invocation.fail(error)
  }
  for (const [name, call] of Object.entries(later)) {
    Object.defineProperty(context, name, {
      configurable: true, enumerable: true, get () { context[WANTS_LATER] = true; return call }
    })
  }
  Object.defineProperty(context, WANTS_LATER, { value: false, writable: true, enumerable: false })
  const variables = { ...configuration.environment, ...environment }
  lazy(context, 'environ', () => Object.entries(variables).map(([key, value]) => `${key}=${value}`).join(';'))
  lazy(context, 'environment', () => JSON.stringify(variables))
  return context
}

function lazy (object, name, compute) {
  Object.defineProperty(object, name, {
    configurable: true,
    enumerable: true,
    get () {
      const value = compute()
      Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
      return value
    }
  })
}

function callWithContext (invocation, handler) {
  const { configuration, frame } = invocation
  let value
  try {
    value = handler(buildContext(frame.event === undefined ? {} : frame.event, mpEnvironment(configuration, frame.caller)))
  } catch (error) {
    return invocation.fail(error)
  }
  if (typeof value?.then === 'function') settle(invocation, value)
  else invocation.succeed(value)
}

module.exports = { Invocation, failureFrame, currentInvocation, noteRestingResources }
