#!/usr/bin/env python3
"""Records what PyTorch computes for ResNet34 in double precision: resnet34.txt and resnet34_smooth.txt.

    python make_resnet34.py [FOLDER]        needs torch and torchvision; runs some minutes
    python make_resnet34.py --search COUNT  how IMAGE was found

README.md says what the files hold and how the numbers that go in are made. Nothing is random.
"""
import sys
import numpy
import torch
import torchvision

ROWS, PLANES, SIDE, CLASSES, STEPS = 4, 4, 48, 7, 20
ENTRIES, PROJECTIONS = 64, 8
IMAGE = 852  # README.md says why not any


def text_hash(text):
    """FNV-1a, 32 bits."""
    value = 2166136261
    for byte in text.encode():
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return value


def hashes(name, count):
    """One 32-bit number for each of the first `count` elements of the tensor `name`."""
    if name == "image":
        name = "image %d" % IMAGE
    x = (numpy.uint32(text_hash(name)) + numpy.arange(count, dtype=numpy.uint32) * numpy.uint32(0x9E3779B9))
    x ^= x >> numpy.uint32(16)
    x *= numpy.uint32(0x7FEB352D)
    x ^= x >> numpy.uint32(15)
    x *= numpy.uint32(0x846CA68B)
    x ^= x >> numpy.uint32(16)
    return x


def filled(name, shape):
    """The tensor `name`, as README.md says; every number is exact in single precision."""
    count = int(numpy.prod(shape))
    u = hashes(name, count).astype(numpy.float64) / 2**32
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
    return torch.from_numpy(values.astype(numpy.float32).astype(numpy.float64)).reshape(shape)


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


def network(smooth, dtype):
    net = torchvision.models.resnet34(weights=None)
    net.conv1 = torch.nn.Conv2d(PLANES, 64, 7, 2, 3, bias=False)
    net.fc = torch.nn.Linear(512, CLASSES)
    if smooth:
        make_smooth(net)
    net = net.to(torch.float64)
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                tensor.copy_(filled("body." + name, tuple(tensor.shape)))
    return net.to(dtype)


def run(smooth, dtype, memory_format=torch.contiguous_format, first_row=0):
    """All tensors by name, as float64, and the losses. The batch begins with row `first_row` and goes around."""
    net = network(smooth, dtype).to(memory_format=memory_format)
    image = filled("image", (ROWS, PLANES, SIDE, SIDE)).roll(-first_row, 0).to(dtype).to(memory_format=memory_format)
    labels = filled("labels", (ROWS, CLASSES)).roll(-first_row, 0).to(dtype)
    criterion = torch.nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8)
    tensors, losses = {}, []
    net.eval()
    with torch.no_grad():
        tensors["logits.evaluate"] = net(image).roll(first_row, 0)
    net.train()
    for step in range(STEPS):
        optimizer.zero_grad()
        logits = net(image)
        loss = criterion(logits, labels)
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            tensors["logits.train"] = logits.detach().roll(first_row, 0)
            for name, parameter in net.named_parameters():
                tensors["gradient:body." + name] = parameter.grad.detach().clone()
            for name, buffer in net.named_buffers():
                if not name.endswith("num_batches_tracked"):
                    tensors["body." + name] = buffer.detach().clone()
        optimizer.step()
    return {name: tensor.to(torch.float64).contiguous() for name, tensor in tensors.items()}, losses


def single_runs(smooth):
    """PyTorch's single precision in twelve orders of summation: by oneDNN on two layouts and without it, each with the rows
    of the batch in four orders."""
    runs = []
    for first_row in range(ROWS):
        runs.append(run(smooth, torch.float32, first_row=first_row))
        runs.append(run(smooth, torch.float32, torch.channels_last, first_row))
        with torch.backends.mkldnn.flags(enabled=False):
            runs.append(run(smooth, torch.float32, first_row=first_row))
    return runs


def kinks(dtype):
    """Of one forward pass of the ReLU network, for every ReLU and the maximum pooling: its input, and how near to another
    outcome that comes."""
    found = []

    def look(module, inputs):
        x = inputs[0].detach().to(torch.float64)
        if isinstance(module, torch.nn.ReLU):
            near = x.abs().min()
        else:
            windows = torch.nn.functional.pad(x, (1, 1, 1, 1)).unfold(2, 3, 2).unfold(3, 3, 2).reshape(-1, 9)
            first, second = windows.topk(2, 1).values.unbind(1)
            near = (first - second)[first > 0].min()  # zeros have no gradient
        found.append((x.clone(), near.item()))

    net = network(False, dtype).train()
    for module in net.modules():
        if isinstance(module, (torch.nn.ReLU, torch.nn.MaxPool2d)):
            module.register_forward_pre_hook(look)
    with torch.no_grad():
        net(filled("image", (ROWS, PLANES, SIDE, SIDE)).to(dtype))
    return found


def search(count):
    """The image whose nearest kink is farthest, in units of single precision's error (root mean square) there."""
    global IMAGE
    errors = [(double - single).square().mean().sqrt().item()
              for (double, _), (single, _) in zip(kinks(torch.float64), kinks(torch.float32))]
    best = (0, 0)
    for IMAGE in range(count):
        best = max(best, (min(near / error for (_, near), error in zip(kinks(torch.float64), errors)), IMAGE))
    print("image %d: %.2f" % (best[1], best[0]))


def numbers(values):
    return " ".join("%.12e" % value for value in values)


def summary(name, double, singles):
    values = double.flatten().numpy()
    largest = numpy.abs(values).max()
    error = max(numpy.abs(single.flatten().numpy() - values).max() for single in singles) / largest
    places = hashes("entries of " + name, ENTRIES) % numpy.uint32(len(values)) if len(values) > ENTRIES \
        else numpy.arange(len(values))
    bits = hashes("projections of " + name, len(values))
    lines = ["tensor %s %s" % (name, "x".join(str(extent) for extent in double.shape)),
             "norm " + numbers([numpy.sqrt((values**2).sum()), largest]),
             "single %.3e" % error,
             "entries " + numbers(values[places])]
    signs = [1.0 - 2.0 * ((bits >> numpy.uint32(k)) & numpy.uint32(1)) for k in range(PROJECTIONS)]
    lines.append("projections " + numbers([(sign * values).sum() for sign in signs]))
    return lines


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["--search"]:
        return search(int(sys.argv[2]))
    folder = sys.argv[1] if len(sys.argv) > 1 else "."
    for smooth, file in ((False, "resnet34.txt"), (True, "resnet34_smooth.txt")):
        double, losses = run(smooth, torch.float64)
        singles = single_runs(smooth)
        lines = ["# made by make_resnet34.py with torch %s, torchvision %s; see README.md"
                 % (torch.__version__.split("+")[0], torchvision.__version__.split("+")[0])]
        for name in double:
            lines += summary(name, double[name], [tensors[name] for tensors, _ in singles])
        lines.append("losses " + numbers(losses))
        lines.append("losses_single " + numbers(max(abs(single[step] - losses[step]) for _, single in singles)
                                                for step in range(STEPS)))
        with open("%s/%s" % (folder, file), "w") as out:
            out.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
