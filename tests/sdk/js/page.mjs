// The suite on a real web page that has loaded `yunbox.umd.js`.

import { run } from './suite.mjs'

window.runClientSuite = async ({ endpoint, space }) => {
  const steps = []
  const clientOf = (user) => new window.yunbox.Cloud({ resourceEnv: space, endpoint, signIn: { developer: user } })
  const fileOf = (content) => new Blob([content])
  const textOf = async (path) => (await fetch(path)).text()
  await run({ kind: 'chromium', clientOf, fileOf, textOf }, (step) => steps.push(step))
  return steps
}
