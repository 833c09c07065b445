"""Reading comprehension: answers found in stories and documents, and when it is better not to answer."""
