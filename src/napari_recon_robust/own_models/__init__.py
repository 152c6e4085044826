"""The user's own models, opened by a file or a name. `opening` recognises the kind; each kind has a module.

function    image = f(kspace, mask, sensitivities) of a module or a script
exported    a program written by torch.export (.pt2)
onnx_file   an ONNX file (.onnx)
checkpoint  weights in the layout of fastMRI's U-Net or VarNet (.pt, .pth, .ckpt, .safetensors)
deepinverse a reconstructor of the deepinv library
bart        a command line of BART
"""
