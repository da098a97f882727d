const { createTodos } = require('../../services/todos')

Page({
  data: { total: 0, done: 0, categories: [] },

  async onShow() {
    this.setData(await createTodos(wx.cloud).stats())
  }
})
