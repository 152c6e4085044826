"""ISMRMRD headers as scanners and converters write them."""


def header(encoded, recon, maximum=None, center=None, prefix="", extents=None):
    """A header as scanners write it, with or without a namespace prefix.

    extents: mm of the encoded and the reconstructed space, each along readout and phase; else pixels are 2 × 1 mm.
    """
    encoded_mm, recon_mm = extents or [(2.0 * size[0], size[1]) for size in (encoded, recon)]
    p, namespace = (f"{prefix}:", f":{prefix}") if prefix else ("", "")

    def space(name, size, mm):
        axes = ["".join(f"<{p}{a}>{v}</{p}{a}>" for a, v in zip("xyz", three, strict=True)) for three in (size, mm)]
        inner = f"<{p}matrixSize>{axes[0]}</{p}matrixSize><{p}fieldOfView_mm>{axes[1]}</{p}fieldOfView_mm>"
        return f"<{p}{name}>{inner}</{p}{name}>"

    limits = ""
    if maximum is not None:
        step = f"<{p}minimum>0</{p}minimum><{p}maximum>{maximum}</{p}maximum><{p}center>{center}</{p}center>"
        inner = f"<{p}kspace_encoding_step_1>{step}</{p}kspace_encoding_step_1>"
        limits = f"<{p}encodingLimits>{inner}</{p}encodingLimits>"
    field = f"<{p}systemFieldStrength_T>2.8936</{p}systemFieldStrength_T>"
    return (
        f'<?xml version="1.0"?><{p}ismrmrdHeader xmlns{namespace}="http://www.ismrm.org/ISMRMRD">'
        f"<{p}acquisitionSystemInformation>{field}</{p}acquisitionSystemInformation>"
        f"<{p}encoding>{space('encodedSpace', (*encoded, 1), (*encoded_mm, 7.5))}"
        f"{space('reconSpace', (*recon, 1), (*recon_mm, 5))}{limits}</{p}encoding></{p}ismrmrdHeader>"
    )
