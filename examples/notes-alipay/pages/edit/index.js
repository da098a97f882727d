import { createNotes } from '../../services/notes'

Page({
  data: { tags: [], chosen: [], picture: '' },

  async onLoad() {
    this.notes = createNotes(getApp().mpServerless)
    this.setData({ tags: await this.notes.tags() })
  },

  choose(event) { this.setData({ chosen: event.detail.value }) },

  choosePicture() {
    my.chooseImage({ count: 1, success: ({ apFilePaths }) => this.setData({ picture: apFilePaths[0] }) })
  },

  async save(event) {
    const { title, text } = event.detail.value
    await this.notes.add({ title, text, tags: this.data.chosen, picture: this.data.picture })
    my.navigateBack()
  }
})
