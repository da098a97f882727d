import MPServerless from '@alicloud/mpserverless-sdk'
import config from './config'

const mpServerless = new MPServerless(my, config)

App({
  mpServerless,
  async onLaunch() {
    await mpServerless.user.authorize({ authProvider: 'alipay_openapi' })
  }
})
