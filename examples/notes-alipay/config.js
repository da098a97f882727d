// What `yunbox dev` prints.
export default {
  appId: '2021000000000000',
  spaceId: 'notes-alipay',
  clientSecret: '',
  endpoint: 'http://127.0.0.1:7800'
}
