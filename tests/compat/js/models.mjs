// @cloudbase/wx-cloud-client-sdk over our client on the stand-in of WeChat. Usage: node models.mjs MODE ENDPOINT ENV, with
// `call` for models through callFunction, or `http` for requests inside it.

import { createRequire } from 'node:module'
import { match, same } from '../web/expect.mjs'
import { modelSteps } from '../web/models.mjs'
import { Steps } from '../web/steps.mjs'

const require = createRequire(import.meta.url)
const { startMiniProgram } = require('../../sdk/js/hosts')
const sdk = require('@cloudbase/wx-cloud-client-sdk')
const [mode, endpoint, env] = process.argv.slice(2)

const cloud = startMiniProgram('wx', 'ann').require('yunbox').configure({ endpoint })
cloud.init({ env })
const client = (mode === 'call' ? sdk.init : sdk.initHTTPOverCallFunction)(cloud, { envId: env })
const steps = new Steps()
modelSteps(steps, () => client.models)

steps.add('tables are answered honestly', async () => {
  const { data, error } = await client.mysql().from('posts').select('*').eq('n', 1)
  same(data, null)
  match(JSON.stringify(error), /SQL/)
})

steps.add('other paths are refused', async () => {
  const failing = (url) => cloud.callFunction({ name: 'httpOverCallFunction', data: { url } }).then(() => '', (error) => error.errMsg)
  match(await failing('https://elsewhere.example/manage/v1/spaces'), /cannot be reached/)
  match(await failing('http://[bad/v1/x'), /not a URL/)
})

await steps.run((line) => console.log(JSON.stringify(line)))
process.exit(0)
