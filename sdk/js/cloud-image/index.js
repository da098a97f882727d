// <cloud-image src="cloud://…">: an <image> that also takes the file ids of your own server.

var cloud = require('../index.js')

Component({
  externalClasses: ['image-class'],
  properties: {
    src: { type: String, value: '', observer: 'show' },
    mode: { type: String, value: 'scaleToFill' },
    lazyLoad: { type: Boolean, value: false },
    showMenuByLongpress: { type: Boolean, value: false }
  },
  data: { url: '' },
  methods: {
    show: function (src) {
      var component = this
      function set (url) {
        // The source may have been changed while the address was asked for.
        if (component.data.src === src) component.setData({ url: url })
        if (src && !url) component.triggerEvent('error', { errMsg: 'cannot read ' + src })
      }
      if (!/^cloud:\/\//.test(src)) return set(src)
      return cloud.resolve(src).then(set, function (error) {
        set('')
        component.triggerEvent('error', { errMsg: error.errMsg || String(error) })
      })
    },
    forward: function (event) { this.triggerEvent(event.type, event.detail) }
  }
})
