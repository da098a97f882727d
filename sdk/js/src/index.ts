/** The entry for mini programs and browsers. */

import { detectHost, lateHost } from './adapters/detect'
import { makeYunbox, Yunbox } from './client'

const yunbox: Yunbox = makeYunbox(lateHost(detectHost))

export type { Yunbox } from './client'
export type { CloudAPI } from './cloud'
export type { Settings, SignIn } from './config'
export type { Database } from './database/database'
export type { Snapshot, WatchListener } from './database/watch'
export type { CloudError } from './errors'
export default yunbox
