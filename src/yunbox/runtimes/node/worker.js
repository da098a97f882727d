'use strict'
// The main program of a function's process: one function, one invocation at a time, commanded through descriptor 3.
//
// From the host:  preload{space,files}  load{configuration}  invoke{id,event,user,caller,deadline,ahead}  return{id,value|error}
// To the host:    ready{node}  loaded{milliseconds}  running{id}  result{id,value}  failure{id,reason,message,stack,code}
//                 log{id,level,at,text}  call{id,key,token,method,params}

const { Channel } = require('./channel.js')
const { storage, currentInvocation, installEnvironment, shareConnections } = require('./identity.js')
const { installOutput, print } = require('./output.js')
const { moveClock } = require('./clock.js')
const { installRedirect } = require('./redirect.js')
const { staticVariables, namingVariables } = require('./environment.js')
const { Invocation, failureFrame, noteRestingResources } = require('./invocation.js')
const { linkCode, loadFunction, setSearchPath, preload } = require('./loading.js')
const { installPrivateTmp } = require('./tmp.js')
const mpserverless = require('./mpserverless.js')

const channel = new Channel(3, receive)
const send = text => channel.send(text)

let configuration = null
let loading = null
let handler = null

installEnvironment()
shareConnections()
installOutput(send)
installRedirect(() => configuration.adminUrl, () => configuration.space)
mpserverless.connect(send)
if (process.env.YUNBOX_TMP) installPrivateTmp(process.env.YUNBOX_TMP, process.env.YUNBOX_KEPT.split(':'))
delete process.env.YUNBOX_TMP
delete process.env.YUNBOX_KEPT
process.on('uncaughtException', error => blame(error, 'uncaught exception'))
process.on('unhandledRejection', error => blame(error, 'unhandled rejection'))

const actions = {
  preload (frame) {
    Object.assign(process.env, namingVariables(frame.space))
    preload(frame.files)
  },
  load (frame) { configure(frame.configuration) },
  invoke (frame) { invoke(frame) },
  return (frame) { mpserverless.receiveReturn(frame) }
}

function receive (frame) { actions[frame.t](frame) }

function configure (next) {
  configuration = next
  for (const [name, value] of Object.entries(staticVariables(configuration))) process.env[name] = value
  process.chdir(configuration.directory)
  setSearchPath(configuration.searchPath)
  load()
}

function load () {
  const started = performance.now()
  const attempt = storage.run(Invocation.forLoading(configuration), () => loadFunction(configuration.directory, configuration.handler))
  loading = attempt.then(loaded => {
    handler = loaded
    if (handler.kind === 'context') linkCode(configuration)
    send(JSON.stringify({ t: 'loaded', milliseconds: performance.now() - started }))
  })
  // Whoever invokes next sees the error; until then it is nobody's.
  loading.catch(() => {})
}

function invoke (frame) {
  if (frame.ahead) moveClock(frame.ahead)
  const invocation = new Invocation(frame, configuration)
  if (handler) return invocation.run(handler, send)
  if (loading === null) load()
  loading.then(() => {
    send(JSON.stringify({ t: 'running', id: frame.id }))
    invocation.deadline = Date.now() + configuration.timeout
    invocation.run(handler, send)
  }, error => {
    send(failureFrame(frame.id, error, 'load', configuration))
    loading = null
  })
}

// An error that nobody caught fails the invocation it came from, if that one is still to be answered.
function blame (error, kind) {
  const invocation = currentInvocation()
  if (invocation && !invocation.loading && !invocation.answered) return invocation.fail(error)
  const run = () => print('error', () => `${kind}: ${(error && error.stack) || String(error)}`)
  if (invocation) storage.run(invocation, run)
  else run()
}

noteRestingResources()
send(JSON.stringify({ t: 'ready', node: process.version }))
