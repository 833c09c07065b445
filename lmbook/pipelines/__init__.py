"""Ids to batches (`tf.data`)."""
