// The whole client side through one SDK, the same in Node, in a browser and on the stand-in of a mini program.

import { documents } from './documents.mjs'
import { files, functions } from './files.mjs'
import { first, others } from './signing_in.mjs'
import { Steps } from './steps.mjs'
import { modelSteps } from './models.mjs'
import { watches } from './watching.mjs'

export async function run(client, input, report) {
  const steps = new Steps()
  const state = {}
  client.database = () => client.app.database()
  first(steps, client, state)
  documents(steps, client, state)
  watches(steps, client)
  files(steps, client, state)
  functions(steps, client)
  if (client.generation >= 2) modelSteps(steps, () => client.app.models)
  others(steps, client, input, state)
  await steps.run(report)
}
