import MPServerless from './mpserverless.js'

App({
  async onLaunch () {
    this.mpServerless = new MPServerless(wx, {
      appId: 'wx0123456789abcdef',
      spaceId: 'mp-00000000-0000-4000-8000-000000000001',
      clientSecret: 'changeToYours',
      endpoint: 'https://api.next.bspapp.com'
    })
    await this.mpServerless.init()
  }
})
