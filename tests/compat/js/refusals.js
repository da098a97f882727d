'use strict'
// What a server SDK's user sees when a request must be refused: node refusals.js PACKAGE CONFIG
// CONFIG: {endpoint, space, secretId, secretKey, other: {space}, capability, expired, strangers: {secretId, secretKey, token}}.
// Prints {case: {call: {error, message} or {result}}}. Whatever does not settle in time shows as {error: 'hangs'}.

const http = require('node:http')

const [, , name, text] = process.argv
const config = JSON.parse(text)
const isWx = name.startsWith('wx-server-sdk')
const RealDate = Date

/** Everything in this process believes it is `milliseconds` later. */
function shiftClock (milliseconds) {
  globalThis.Date = class extends RealDate {
    constructor (...values) { values.length === 0 ? super(RealDate.now() + milliseconds) : super(...values) }
    static now () { return RealDate.now() + milliseconds }
  }
}

/** A man in the middle who puts other names into the bodies. */
function startTampering () {
  const swaps = [['todos', 'notes'], ['"echo"', '"ecto"'], ['a.txt', 'b.txt'], ['msgSecCheck', 'imgSecCheck']]
  const server = http.createServer((request, response) => {
    const parts = []
    request.on('data', (part) => parts.push(part)).on('end', () => {
      const body = swaps.reduce((content, [from, to]) => content.split(from).join(to), Buffer.concat(parts).toString('latin1'))
      const { hostname, port } = new URL(config.endpoint)
      const forward = http.request({ hostname, port, path: request.url, method: request.method, headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode, answer.headers)
        answer.pipe(response)
      })
      forward.end(Buffer.from(body, 'latin1'))
    })
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`)))
}

/** wx-server-sdk keeps its instances: a new copy for each case, but only of what keeps them. */
function load () {
  if (isWx) for (const file of Object.keys(require.cache)) if (/wx-server-sdk|node-sdk|tcb-admin-node/.test(file)) delete require.cache[file]
  return require(name)
}

function start ({ endpoint = config.endpoint, space = config.space, keys = config, token = '' }) {
  Object.assign(process.env, {
    TENCENTCLOUD_RUNENV: 'SCF', TENCENTCLOUD_REGION: 'ap-shanghai', TENCENTCLOUD_SECRETID: keys.secretId, TENCENTCLOUD_SECRETKEY: keys.secretKey,
    TENCENTCLOUD_SESSIONTOKEN: token, TCB_ENV: space, SCF_NAMESPACE: space, TCB_CONTEXT_KEYS: 'TCB_ENV', WX_CONTEXT_KEYS: '',
  })
  const sdk = load()
  const app = sdk.init({ env: space, serviceUrl: `${endpoint}/admin` })
  return isWx ? sdk : app
}

function callsOf (cloud) {
  const openapi = cloud.openapi && (() => cloud.openapi.security.msgSecCheck({ content: 'x' }))
  return {
    documents: () => cloud.database().collection('todos').where({ a: 1 }).get(),
    writing: () => cloud.database().collection('todos').doc('x').remove(),
    functions: () => cloud.callFunction({ name: 'echo', data: {} }),
    files: () => cloud.getTempFileURL({ fileList: [`cloud://${config.space}.x/a.txt`] }),
    ...(openapi && { openapi }),
  }
}

async function outcome (call) {
  let timer
  const late = new Promise((resolve) => { timer = setTimeout(() => resolve({ error: 'hangs' }), 20_000) })
  const settled = Promise.resolve().then(call).then(
    (result) => (result && result.code ? { error: result.code, message: result.message } : { result: result === undefined ? null : JSON.parse(JSON.stringify(result)) }),
    (error) => ({ error: typeof error.code === 'string' ? error.code : error.errCode, message: error.errMsg || error.message }),
  )
  const told = await Promise.race([settled, late])
  clearTimeout(timer)
  return told
}

async function main () {
  const tampering = await startTampering()
  const secret = (secretKey, secretId = config.secretId) => ({ keys: { secretId, secretKey } })
  const cases = {
    allowed: {},
    'wrong secret': secret('wrong'),
    'unknown key': secret(config.secretKey, 'AKIDunknown'),
    'clock ahead': { shift: 3_600_000 },
    'clock behind': { shift: -7_200_000 },
    'tampered body': { endpoint: tampering },
    'foreign space': { space: config.other.space },
    'missing space': { space: 'nowhere' },
    'capability allowed': { keys: config.capability, token: config.capability.token },
    'expired capability': { keys: config.expired, token: config.expired.token },
    'capability without a token': { keys: config.capability },
    'token of another key': { keys: config.capability, token: config.expired.token },
    'broken token': { keys: config.capability, token: `${config.capability.token.slice(0, -4)}AAAA` },
    'foreign function': { keys: config.strangers, token: config.strangers.token },
  }
  const results = {}
  for (const [title, { shift, ...where }] of Object.entries(cases)) {
    if (shift) shiftClock(shift)
    const cloud = start(where)
    results[title] = {}
    for (const [call, run] of Object.entries(callsOf(cloud))) results[title][call] = await outcome(run)
    globalThis.Date = RealDate
  }
  return results
}

main().then(
  (results) => process.stdout.write(`${JSON.stringify(results)}\n`, () => process.exit(0)), // idle connections would keep it alive
  (error) => { console.error(error); process.exit(1) },
)
