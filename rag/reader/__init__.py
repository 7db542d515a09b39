"""The reader: a small trained network that finds the sentence, marks the words and may decline.

`reader` runs it (ONNX Runtime alone), `windows` lays text out for it; `network`, `data`, `train` and
`export` make it and need torch. Nothing is imported here, so that reading stays light.
"""
