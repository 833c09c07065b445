"""What all diagrams are drawn with: colours, text and its width, shapes, and the finished picture."""
