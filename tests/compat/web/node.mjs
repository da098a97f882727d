// The suite in Node or on the stand-in of a mini program. Usage: node node.mjs node|mini VARIANT ENDPOINT ENV

import { openIn } from './places.mjs'
import { run } from './suite.mjs'

const [kind, variant, endpoint, env] = process.argv.slice(2)
const report = (line) => console.log(JSON.stringify(line))

// On a fatal error of a watch the SDKs also leave a rejected promise behind (tencent-client.md §5).
process.on('unhandledRejection', (error) => {
  const words = String((error && error.message) || JSON.stringify(error))
  if (!/realtime|watch|COLLECTION_NOT_EXIST/i.test(words)) report({ step: 'unhandled rejection', ok: false, error: words })
})

await run(openIn(kind, variant, endpoint, env), JSON.parse(process.env.INPUT), report)
process.exit(0)
