/** `require('yunbox/wx')`: from here on `wx.cloud` is this client. */

import yunbox, { Yunbox } from './index'

yunbox.install()

export type { Yunbox }
export default yunbox
