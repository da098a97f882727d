// The suite in a web page, after the SDK's own script.

import { open } from './clients.mjs'
import { run } from './suite.mjs'

const place = {
  kind: 'browser',
  file: (text, name = 'file.txt') => new File([text], name, { type: 'text/plain' }),
  loseSockets() {
    const open = window.sockets.filter((socket) => socket.readyState === WebSocket.OPEN)
    open.forEach((socket) => socket.close(3999, 'lost'))
    return open.length
  },
}

window.openClient = ({ variant, endpoint, env }) => open(window.sdk, variant, place, endpoint, env)

window.runSuite = async ({ variant, endpoint, env, input }) => {
  const steps = []
  await run(window.openClient({ variant, endpoint, env }), input, (step) => steps.push(step))
  return steps
}
