"""The reader: a small trained network that finds the sentence, marks the words and may decline.

`reader` runs it (ONNX Runtime alone) over what `windows` lays out and `scan` gathers. `data`,
`draw`, `network`, `train`, `check` and `export` make it, some of them with torch. Nothing is
imported here, so that reading stays light.
"""
