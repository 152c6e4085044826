"""ISMRMRD headers as scanners and converters write them."""


def header(encoded, recon, maximum=None, center=None, prefix="", extents=None, partitions=None, minimum=0):
    """A header as scanners write it, with or without a namespace prefix.

    extents: mm of the encoded and the reconstructed space, each along readout and phase; else pixels are 2 × 1 mm.
    partitions: the numbers of the encoded and the reconstructed ones of a 3-D scan, of 1.5 mm each.
    """
    encoded_mm, recon_mm = extents or [(2.0 * size[0], size[1]) for size in (encoded, recon)]
    depths = [(count, 1.5 * count) for count in partitions] if partitions else [(1, 7.5), (1, 5)]
    p, namespace = (f"{prefix}:", f":{prefix}") if prefix else ("", "")

    def space(name, size, mm):
        axes = ["".join(f"<{p}{a}>{v}</{p}{a}>" for a, v in zip("xyz", three, strict=True)) for three in (size, mm)]
        inner = f"<{p}matrixSize>{axes[0]}</{p}matrixSize><{p}fieldOfView_mm>{axes[1]}</{p}fieldOfView_mm>"
        return f"<{p}{name}>{inner}</{p}{name}>"

    limits = ""
    if maximum is not None:
        step = f"<{p}minimum>{minimum}</{p}minimum><{p}maximum>{maximum}</{p}maximum><{p}center>{center}</{p}center>"
        inner = f"<{p}kspace_encoding_step_1>{step}</{p}kspace_encoding_step_1>"
        limits = f"<{p}encodingLimits>{inner}</{p}encodingLimits>"
    field = f"<{p}systemFieldStrength_T>2.8936</{p}systemFieldStrength_T>"
    return (
        f'<?xml version="1.0"?><{p}ismrmrdHeader xmlns{namespace}="http://www.ismrm.org/ISMRMRD">'
        f"<{p}acquisitionSystemInformation>{field}</{p}acquisitionSystemInformation>"
        f"<{p}encoding>{space('encodedSpace', (*encoded, depths[0][0]), (*encoded_mm, depths[0][1]))}"
        f"{space('reconSpace', (*recon, depths[1][0]), (*recon_mm, depths[1][1]))}{limits}</{p}encoding>"
        f"</{p}ismrmrdHeader>"
    )
