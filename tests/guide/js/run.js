'use strict'
// node run.js OPTIONS.json: runs a chapter's examples one after the other; prints {name: {value} | {error}}.
//
// An example is the body of an async function. It sees what the guide's code sees: `mpserverless`, `MPServerless`, the host
// objects `wx`, `my` and `dd`; beside them `server` (the server SDK), `Core` (pop-core), `options` and `fetchUrl`.

const fs = require('node:fs')
const path = require('node:path')
const compat = path.join(__dirname, '..', '..', 'compat')
const { exchange, host, record } = require(path.join(compat, 'js', 'ali_platform.js'))
const load = name => require(path.join(compat, 'node_modules', name))

const options = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))
const { platform = 'wx', endpoint, spaceId, clientSecret, serverSecret } = options

// Only the platform in question is there: the SDK looks which global object exists.
globalThis[platform] = chooser(host(platform, `code-of-${platform}`))
const hosts = { wx: globalThis.wx, my: globalThis.my, dd: globalThis.dd }
const loaded = load('@alicloud/mpserverless-sdk')
const MPServerless = loaded.default || loaded
const keys = { appId: 'app-1', spaceId, clientSecret, endpoint }
const mpserverless = new MPServerless(hosts[platform], keys)
const NodeSdk = load('@alicloud/mpserverless-node-sdk').default
const server = new NodeSdk({ spaceId, serverSecret, endpoint })

// What the guide's examples take files from.
function chooser (object) {
  const chosen = { tempFilePaths: [options.png], apFilePaths: [options.png], apFilePath: options.png, filePaths: [options.png], tempFilePath: options.png }
  const choose = call => call.success(chosen)
  return Object.assign(object, { chooseImage: choose, downloadFile: choose, chooseMessageFile: call => call.success({ tempFiles: [{ path: options.png }] }) })
}

const scope = {
  hosts: globalThis[platform],
  mpserverless,
  MPServerless,
  ...hosts,
  server,
  NodeSdk,
  Core: load('@alicloud/pop-core'),
  options: { ...options, ...keys },
  fetchUrl: async (url, wanted = { method: 'GET' }) => {
    const { status, headers, body } = await exchange(url, wanted)
    return { status, headers, text: body.toString() }
  }
}
const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor
const names = Object.keys(scope)
const shown = value => JSON.parse(JSON.stringify(value === undefined ? null : value, (_, item) => item))
const steps = options.examples.map(([name, code]) => [name, async () => shown(await new AsyncFunction(...names, code)(...names.map(key => scope[key])))])

record(Object.fromEntries(steps)).then(results => { console.log(JSON.stringify(results)); process.exit() })
