"""The commands of `lmbook`, one file each; their modules import TensorFlow only while a command runs."""
