'use strict'
// Loaded before a script by `yunbox exec`: what the script sends to the vendor goes to this server.

const { installRedirect } = require('./redirect.js')

// Every product that @cloudbase/manager-node asks.
const SERVICES = ['tcb', 'scf', 'flexdb', 'lowcode', 'tcbr', 'vpc', 'cam', 'cdn', 'sts', 'billing', 'ags', 'cynosdb']

// What miniprogram-ci asks to upload functions and files.
const HOSTS = ['servicewechat.com']

const { YUNBOX_EXEC_ENDPOINT: endpoint, YUNBOX_EXEC_SPACE: space } = process.env
if (endpoint && space) installRedirect(() => endpoint, () => space, SERVICES, HOSTS)
