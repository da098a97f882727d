/** `require('yunbox/my')`: from here on `my.cloud.createCloudContext` makes contexts of this client. */

import yunbox, { Yunbox } from './index'

yunbox.installAlipay()

export type { Yunbox }
export default yunbox
