#!/usr/bin/env python3
"""Records what PyTorch computes for torchvision's networks in double precision, and how their weights are called.

    python make_vectors.py NAME...                    NAME.txt and names/NAME.txt, beside this script; runs some minutes
    python make_vectors.py --names NAME...            only the lists of names

Needs torch and torchvision. README.md says what the files hold, how the numbers that go in are made and how to add a
network. Nothing is random.
"""
import copy
import os
import sys
from dataclasses import dataclass, field
import numpy
import torch
import torchvision
from torch.utils._python_dispatch import TorchDispatchMode
import networks

PLANES, CLASSES = 4, 7
MOST_BYTES = 1000000
ZERO = 1e-12  # what is smaller is 0 but for rounding: its errors are not relative
FAR, MOST_NUMBERS, MOST_IMAGES = 16, 100, 20  # of the search for numbers far from kinks


@dataclass
class Backbone:
    file: str  # below models/
    side: int  # of the image: small, so that the interpreter takes seconds
    arguments: str = ""  # of the block beside the image and the classes
    build: str = ""  # torchvision's function, or that of networks.py, if its name is another
    options: dict = field(default_factory=dict)  # of that function, for the numbers
    rows: int = 4
    orders: int = 4  # of the batch's rows in which single precision is measured
    steps: int = 2  # of Adam
    disturbances: int = 0  # of the first gradients, in which later losses are measured
    native: int = 224  # the side of the image the network was made for
    names_call: str = ""  # if the names are not those of NAME(image, 1000)
    scales: dict = field(default_factory=dict)  # end of a name: factor of its elements
    smooth: bool = False  # softplus for ReLU, average pooling for max pooling


CALM = {"bn3.weight": 0.25}  # or fifty layers blow up an error 400 times, and tell nothing
BACKBONES = {
    "resnet18": Backbone("backbones/resnet.hpanet", 48),
    "resnet34": Backbone("backbones/resnet.hpanet", 48, steps=20),
    "resnet34_smooth": Backbone("../tests/vectors/resnet34_smooth.hpanet", 48, build="resnet34", steps=20, smooth=True),
    "resnet50": Backbone("backbones/resnet.hpanet", 48, orders=8, scales=CALM),
    "resnet152": Backbone("backbones/resnet.hpanet", 48, orders=8, scales={"bn3.weight": 0.1}),
    "vgg16": Backbone("backbones/vgg.hpanet", 64, ", drop = 0", orders=8, disturbances=8),
    "densenet121": Backbone("backbones/densenet.hpanet", 64, orders=8),
    "resnext50": Backbone("backbones/resnet.hpanet", 48, build="resnext50_32x4d", scales=CALM),
    "se_resnext50": Backbone("backbones/resnet.hpanet", 48, scales=CALM),
    "inception_v3": Backbone("backbones/inception.hpanet", 107, ", drop = 0", native=299, scales={"bn.weight": 0.1},
                             options={"aux_logits": False, "init_weights": False},
                             names_call="inception_v3(image, 1000, auxiliary = 1000)[0]"),
    "inception_auxiliary": Backbone("backbones/inception.hpanet", 20, native=20),
    "mobilenet_v2": Backbone("backbones/mobilenet.hpanet", 64, ", drop = 0"),
    "efficientnet_b0": Backbone("backbones/efficientnet.hpanet", 64, ", drop = 0, drop_path = 0"),
    "gapnet": Backbone("backbones/gapnet.hpanet", 64, ", drop = 0"),
    "convnext_tiny": Backbone("../docs/convnext.hpanet", 64, ", drop_path = 0", scales={"layer_scale": 0.2}),
}


# ---- numbers that go in

def text_hash(text):
    """FNV-1a, 32 bits."""
    value = 2166136261
    for byte in text.encode():
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return value


def hashes(name, count):
    """One 32-bit number for each of the first `count` elements of the tensor `name`."""
    x = (numpy.uint32(text_hash(name)) + numpy.arange(count, dtype=numpy.uint32) * numpy.uint32(0x9E3779B9))
    x ^= x >> numpy.uint32(16)
    x *= numpy.uint32(0x7FEB352D)
    x ^= x >> numpy.uint32(15)
    x *= numpy.uint32(0x846CA68B)
    x ^= x >> numpy.uint32(16)
    return x


def filled(name, shape, number=0, factor=1.0):
    """The tensor `name`, as README.md says; every element is exact in single precision."""
    count = int(numpy.prod(shape))
    u = hashes("%s %d" % (name, number) if number else name, count).astype(numpy.float64) / 2**32
    if name == "image":
        values = numpy.floor(32768 * u) / 32768
    elif name == "labels":
        values = (u < 0.3).astype(numpy.float64)
    elif name.endswith("running_mean"):
        values = 0.4 * u - 0.2
    elif name.endswith("running_var"):
        values = 0.5 + u
    elif len(shape) > 1:
        values = (2 * u - 1) * numpy.sqrt(6.0 / numpy.prod(shape[1:]))
    elif name.endswith("bias"):
        values = 0.4 * u - 0.2
    else:
        values = 0.75 + 0.5 * u
    return torch.from_numpy((factor * values).astype(numpy.float32).astype(numpy.float64)).reshape(shape)


def image_shape(backbone):
    return backbone.rows, PLANES, backbone.side, backbone.side


def image_of(backbone, dtype, numbers):
    return filled("image", image_shape(backbone), numbers.get("image", 0)).to(dtype)


# ---- networks

class Softplus(torch.nn.Module):
    """Without the threshold of torch.nn.Softplus."""

    def forward(self, x):
        return torch.logaddexp(x, torch.zeros_like(x))


def make_smooth(module):
    for name, child in module.named_children():
        if isinstance(child, torch.nn.ReLU):
            setattr(module, name, Softplus())
        elif isinstance(child, torch.nn.MaxPool2d):
            setattr(module, name, torch.nn.AvgPool2d(child.kernel_size, child.stride, child.padding))
        else:
            make_smooth(child)


def widen_first(net):
    """The first convolution takes PLANES planes."""
    for name, module in net.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            wide = torch.nn.Conv2d(PLANES, module.out_channels, module.kernel_size, module.stride, module.padding,
                                   bias=module.bias is not None)
            return net.set_submodule(name, wide)


def untrained(name, backbone, **options):
    build = backbone.build or name
    if hasattr(networks, build):
        return getattr(networks, build)(**options)
    return getattr(torchvision.models, build)(weights=None, **options)


def network(name, backbone, numbers):
    """In double precision, for PLANES and CLASSES; what drops at random drops nothing."""
    net = untrained(name, backbone, num_classes=CLASSES, **backbone.options)
    widen_first(net)
    for module in net.modules():
        if isinstance(module, (torch.nn.Dropout, torchvision.ops.StochasticDepth)):
            module.p = 0.0
    if backbone.smooth:
        make_smooth(net)
    net = net.to(torch.float64)
    with torch.no_grad():
        for tensor_name, tensor in net.state_dict().items():
            if not tensor_name.endswith("num_batches_tracked"):
                full_name = "body." + tensor_name
                factors = [factor for end, factor in backbone.scales.items() if full_name.endswith(end)]
                tensor.copy_(filled(full_name, tuple(tensor.shape), numbers.get(full_name, 0), *factors))
    return net


# ---- what PyTorch computes

def order_of(rows, turn):
    """Begun at each row, then the same backwards."""
    order = torch.arange(rows).roll(-turn)
    return order if turn < rows else order.flip(0)


def run(start, image, backbone, dtype, memory_format=torch.contiguous_format, turn=0, disturb=None):
    """All tensors by name, as float64, and the losses. The batch's rows stand in the order `turn`; `disturb` may change the
    first gradients by their names."""
    order = order_of(backbone.rows, turn)
    net = copy.deepcopy(start).to(dtype).to(memory_format=memory_format)
    image = image.to(dtype)[order].to(memory_format=memory_format)
    labels = filled("labels", (backbone.rows, CLASSES))[order].to(dtype)
    criterion = torch.nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8)
    tensors, losses = {}, []
    net.eval()
    with torch.no_grad():
        tensors["logits.evaluate"] = net(image)[order.argsort()]
    net.train()
    for step in range(backbone.steps):
        optimizer.zero_grad()
        logits = net(image)
        loss = criterion(logits, labels)
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            tensors["logits.train"] = logits.detach()[order.argsort()]
            for name, parameter in net.named_parameters():
                tensors["gradient:body." + name] = parameter.grad.detach().clone()
                if disturb:
                    disturb("gradient:body." + name, parameter.grad)
            for name, buffer in net.named_buffers():
                if not name.endswith("num_batches_tracked"):
                    tensors["body." + name] = buffer.detach().clone()
        if step + 1 < backbone.steps:
            optimizer.step()
    return {name: tensor.to(torch.float64).contiguous() for name, tensor in tensors.items()}, losses


def single_runs(start, image, backbone):
    """PyTorch's single precision in many orders of summation: by oneDNN on two layouts and without it, each with the rows
    of the batch in some orders."""
    for turn in range(backbone.orders):
        yield run(start, image, backbone, torch.float32, turn=turn)
        yield run(start, image, backbone, torch.float32, torch.channels_last, turn)
        with torch.backends.mkldnn.flags(enabled=False):
            yield run(start, image, backbone, torch.float32, turn=turn)


def disturbed_losses(start, image, backbone, errors):
    """The losses in double precision where each of the first gradients is off by up to its tensor's error."""
    for turn in range(backbone.disturbances):
        def disturb(name, gradient):
            noise = hashes("disturbance %d of %s" % (turn, name), gradient.numel()).astype(numpy.float64) / 2**31 - 1
            gradient += errors[name] * gradient.abs().max() * torch.from_numpy(noise).reshape(gradient.shape)

        yield run(start, image, backbone, torch.float64, disturb=disturb)[1]


# ---- kinks

class Kinks(TorchDispatchMode):
    """Of a forward pass, for every ReLU, ReLU6, SELU and maximum: its input, and how near to another outcome that comes. With
    `errors`, single precision's at each of them, the bias added before a ReLU is chosen so that this is far (README.md)."""

    def __init__(self, net, numbers, errors=None):
        super().__init__()
        self.inputs, self.near, self.errors, self.numbers, self.last = [], [], errors, numbers, None
        for name, module in net.named_modules():
            if getattr(module, "bias", None) is not None:
                module.register_forward_hook(lambda module, *_, name=name: self.remember(name, module))

    def remember(self, name, module):
        self.last = ("body.%s.bias" % name, module.bias)

    def choose_bias(self, x, limit):
        name, bias = self.last
        rows = x.transpose(0, 1).reshape(len(bias), -1)
        error, best = self.errors[len(self.inputs)], (-1, 0, None)
        for number in range(MOST_NUMBERS):
            shift = filled(name, tuple(bias.shape), number) - bias
            best = max(best, (nearest(rows + shift[:, None], limit) / error, -number, shift))
            if best[0] >= FAR:
                break
        self.numbers[name] = -best[1]
        bias += best[2]
        x += best[2].reshape([1, -1] + [1] * (x.dim() - 2))

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        operation = func.overloadpacket.__name__.rstrip("_")
        if operation in ("relu", "hardtanh", "elu", "max_pool2d_with_indices"):
            x, limit = args[0], args[2] if operation == "hardtanh" else None
            if operation == "max_pool2d_with_indices":
                self.near.append(nearest_maximum(x, *args[1:4]))
            else:
                if self.errors is not None:
                    self.choose_bias(x, limit)
                self.near.append(nearest(x, limit))
            self.inputs.append(x.to(torch.float64, copy=True))
        return func(*args, **(kwargs or {}))


def nearest(x, limit):
    """To 0, or to the upper limit of a ReLU6. What is exactly 0 has no gradient."""
    x = x[x != 0]
    near = x.abs() if limit is None else torch.minimum(x.abs(), (x - limit).abs())
    return near.min().item()


def nearest_maximum(x, kernel, stride, pad=(0,)):
    """The least distance of two greatest numbers of a window; zeros have no gradient."""
    windows = torch.nn.functional.pad(x, (pad[0],) * 4).unfold(2, kernel[0], stride[0]).unfold(3, kernel[0], stride[0])
    first, second = windows.reshape(-1, kernel[0] ** 2).topk(2, 1).values.unbind(1)
    return (first - second)[first > 0].min().item()


def kinks(start, backbone, dtype, numbers, errors=None):
    net = copy.deepcopy(start).to(dtype).train()
    with torch.no_grad(), Kinks(net, numbers, errors) as found:
        net(image_of(backbone, dtype, numbers))
    return found


def choose_numbers(name, backbone):
    """Numbers of the image and of biases that keep all kinks far, and how far: in units of the root mean square of single
    precision's error there."""
    start, best = network(name, backbone, {}), (-1, {})
    for image in range(MOST_IMAGES):
        numbers = {"image": image}
        double, single = (kinks(start, backbone, dtype, numbers) for dtype in (torch.float64, torch.float32))
        errors = [(a - b).square().mean().sqrt().item() for a, b in zip(double.inputs, single.inputs)]
        near = kinks(start, backbone, torch.float64, numbers, errors).near
        distance = min((n / error for n, error in zip(near, errors)), default=numpy.inf)
        if distance > best[0]:
            best = (distance, numbers)
        if distance >= FAR / 2:
            break
    return best


# ---- files

def numbers(values):
    return " ".join("%.12e" % value for value in values)


def shape_text(shape):
    return "x".join(str(extent) for extent in shape)


def places_of(name, count, entries):
    if count <= entries:
        return numpy.arange(count)
    return hashes("entries of " + name, entries) % numpy.uint32(count)


def summary(name, double, error, entries, projections):
    values = double.flatten().numpy()
    bits = hashes("projections of " + name, len(values))
    signs = [1.0 - 2.0 * ((bits >> numpy.uint32(k)) & numpy.uint32(1)) for k in range(projections)]
    return ["tensor %s %s" % (name, shape_text(double.shape)),
            "norm " + numbers([numpy.sqrt((values**2).sum()), numpy.abs(values).max()]),
            "single %.3e" % error,
            "entries " + numbers(values[places_of(name, len(values), entries)]),
            "projections " + numbers((sign * values).sum() for sign in signs)]


def write(path, lines):
    with open(path, "w") as out:
        out.write("\n".join(lines) + "\n")


def record_numbers(name, backbone, folder):
    distance, chosen = choose_numbers(name, backbone)
    start, image = network(name, backbone, chosen), image_of(backbone, torch.float64, chosen)
    double, losses = run(start, image, backbone, torch.float64)
    errors, losses_single = dict.fromkeys(double, 0.0), [0.0] * backbone.steps
    for tensors, single_losses in single_runs(start, image, backbone):
        for tensor in double:
            largest = double[tensor].abs().max().item()
            difference = (tensors[tensor] - double[tensor]).abs().max().item()
            errors[tensor] = max(errors[tensor], difference / (largest if largest >= ZERO else 1))
        losses_single = [max(e, abs(a - b)) for e, a, b in zip(losses_single, single_losses, losses)]
    for disturbed in disturbed_losses(start, image, backbone, errors):
        losses_single = [max(e, abs(a - b)) for e, a, b in zip(losses_single, disturbed, losses)]
    for entries, projections in ((64, 8), (32, 8), (16, 4)):
        lines = ["# made by make_vectors.py with torch %s, torchvision %s; see README.md"
                 % (torch.__version__.split("+")[0], torchvision.__version__.split("+")[0]),
                 "file " + backbone.file,
                 "call %s(image, classes(labels)%s)" % (name, backbone.arguments),
                 "image " + shape_text(image_shape(backbone)),
                 "# the nearest kink is %.1f errors away" % distance if numpy.isfinite(distance) else "smooth",
                 "recorded %d %d %d" % (entries, projections, backbone.steps)]
        lines += ["scale %s %g" % item for item in backbone.scales.items()]
        lines += ["number %s %d" % item for item in chosen.items() if item[1]]
        for tensor in double:
            lines += summary(tensor, double[tensor], errors[tensor], entries, projections)
        lines += ["losses " + numbers(losses), "losses_single " + numbers(losses_single)]
        if sum(len(line) + 1 for line in lines) <= MOST_BYTES:
            break
    write("%s/%s.txt" % (folder, name), lines)
    print("%s: %d tensors, nearest kink %.2f" % (name, len(double), distance), flush=True)


def record_names(name, backbone, folder):
    net = untrained(name, backbone)
    lines = ["# made by make_vectors.py with torchvision %s; see README.md" % torchvision.__version__.split("+")[0],
             "file " + backbone.file,
             "call " + (backbone.names_call or "%s(image, 1000)" % name),
             "image %s" % shape_text((2, 3, backbone.native, backbone.native))]
    for tensor_name, tensor in net.state_dict().items():
        if not tensor_name.endswith("num_batches_tracked"):
            lines.append("%s %s" % (tensor_name, shape_text(tensor.shape)))
    parameters = sum(parameter.numel() for parameter in net.parameters())
    statistics = sum(tensor.numel() for tensor_name, tensor in net.named_buffers() if "running_" in tensor_name)
    lines.append("total %d %d %d" % (len(lines) - 4, parameters, statistics))
    write("%s/names/%s.txt" % (folder, name), lines)


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    arguments = sys.argv[1:]
    only_names = "--names" in arguments
    names = [argument for argument in arguments if argument != "--names"]
    unknown = [name for name in names if name not in BACKBONES]
    if not names or unknown:
        sys.exit("%s\n%s\nNAMES: %s" % (__doc__, "unknown: " + ", ".join(unknown) if unknown else "", " ".join(BACKBONES)))
    folder = os.path.dirname(os.path.abspath(__file__))
    for name in names:
        if "/vectors/" not in BACKBONES[name].file:  # a file of the tests has a shipped one's names
            record_names(name, BACKBONES[name], folder)
        if not only_names:
            record_numbers(name, BACKBONES[name], folder)


if __name__ == "__main__":
    main()
