/** The entry for Node.js: also knows what to do where there is no mini-program host. */

import { detectHost, lateHost } from './adapters/detect'
import { nodeHost } from './adapters/node'
import { makeYunbox, Yunbox } from './client'

const yunbox: Yunbox = makeYunbox(lateHost(() => detectHost() || nodeHost()))

export default yunbox
