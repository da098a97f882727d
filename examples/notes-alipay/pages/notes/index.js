import { createNotes } from '../../services/notes'

Page({
  data: { notes: [], loading: true },

  onLoad() { this.notes = createNotes(getApp().mpServerless) },
  onShow() { this.refresh() },
  onPullDownRefresh() { this.refresh().then(() => my.stopPullDownRefresh()) },

  async refresh() {
    this.setData({ notes: await this.notes.list(), loading: false })
  },

  edit() { my.navigateTo({ url: '/pages/edit/index' }) },

  async publish(event) {
    await this.notes.publish(event.target.dataset.id)
    my.showToast({ content: '已发布' })
    this.refresh()
  },

  async remove(event) {
    await this.notes.remove(this.data.notes[event.target.dataset.index])
    this.refresh()
  }
})
