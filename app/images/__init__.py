"""Pictures that are drawn when a mail is opened. Needs Pillow, which is loaded with the first of them."""
